package payment

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// ReasonExchange is why money of an order pays for another one: goods of it are exchanged.
const ReasonExchange = "exchange"

// A credit is money that was captured for one order and pays for another one. It is refunded here and captured there,
// in one append, and no gateway is asked. Each side names the other by a reference that no gateway has.
const creditPrefix = "order/"

// CreditRef names an order as the other side of a credit: as the source of money, and as where it went.
func CreditRef(orderID uuid.UUID) string { return creditPrefix + orderID.String() }

// CreditedOrder returns the order that a [CreditRef] names; false for a reference of a gateway.
func CreditedOrder(ref string) (uuid.UUID, bool) {
	rest, is := strings.CutPrefix(ref, creditPrefix)
	id, err := uuid.Parse(rest)
	return id, is && err == nil
}

// Credit is what orders have given each other.
type Credit struct {
	// OrderID is the other order.
	OrderID uuid.UUID `json:"order_id"`
	// Amount is what stands now, and not what was given back. It is negative for what this order has given.
	Amount money.Money `json:"amount"`
}

// Credits are those that stand, given or taken.
func (p Payment) Credits() (all []Credit) {
	for _, s := range p.Earlier {
		if id, is := CreditedOrder(s.GatewayRef); is {
			all = append(all, Credit{OrderID: id, Amount: s.Captured.Sub(p.refundedFrom(s.GatewayRef))})
		}
	}
	for _, r := range p.Refunds {
		if r.Reason != ReasonExchange || p.creditedFrom(r) {
			continue
		}
		for _, a := range r.Attempts {
			if id, is := CreditedOrder(a.Source); is && a.Status == RefundStatusPaid {
				all = append(all, Credit{OrderID: id, Amount: money.Zero(a.Amount.Currency).Sub(a.Amount)})
			}
		}
	}
	return slices.DeleteFunc(all, func(c Credit) bool { return c.Amount.IsZero() })
}

// Standing is what another order has of a credit, as long as nobody has settled it otherwise.
func (p Payment) Standing(creditID uuid.UUID) money.Money {
	total := money.Zero(p.Captured.Currency)
	r, known := p.Refund(creditID)
	if !known || r.SettledOutside || p.creditedFrom(r) {
		return total
	}
	for _, a := range r.Attempts {
		if _, is := CreditedOrder(a.Source); is && a.Status == RefundStatusPaid {
			total = total.Add(a.Amount)
		}
	}
	return total
}

// creditedFrom reports whether a refund gives a credit back that this payment has taken.
func (p Payment) creditedFrom(r Refund) bool {
	return slices.ContainsFunc(p.Earlier, func(s Source) bool {
		return slices.ContainsFunc(r.Attempts, func(a RefundAttempt) bool {
			return a.Source == s.GatewayRef && strings.HasPrefix(s.GatewayRef, creditPrefix)
		})
	})
}

// Credited is what other orders have given to this one, also what of it was given back.
func (p Payment) Credited() money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, s := range p.Earlier {
		if strings.HasPrefix(s.GatewayRef, creditPrefix) {
			total = total.Add(s.Captured)
		}
	}
	return total
}

// CapturedAtGateway is what the gateway has captured of the payment.
func (p Payment) CapturedAtGateway() money.Money { return p.Captured.Sub(p.Credited()) }

// RefundedAtGateway is what the gateway has paid back, or has accepted to.
func (p Payment) RefundedAtGateway() money.Money {
	total := p.Refunded.Sub(p.RefundedOutside())
	for _, r := range p.Refunds {
		for _, a := range r.Attempts {
			if strings.HasPrefix(a.Source, creditPrefix) && (a.Status == RefundStatusPaid || a.Status == RefundStatusPending) {
				total = total.Sub(a.Amount)
			}
		}
	}
	return total
}

// awaitsFirst reports whether a payment with a credit was never authorised, declined or voided.
func (p Payment) awaitsFirst() bool {
	return p.Generation == 0 && p.Declined == 0 && p.Voids == 0 && p.Credited().IsPositive()
}

// FirstDeclined reports whether a payment has a credit, and the rest of the order was declined.
func (p Payment) FirstDeclined() bool {
	return p.Generation == 0 && p.Declined > 0 && p.Requested == nil && p.Required == nil && p.Credited().IsPositive()
}

// GiveCredit gives money of an order to another one.
type GiveCredit struct {
	CreditID uuid.UUID
	// To is the other order.
	To uuid.UUID
	// Most is what the credit is at most. Lines are what it is for.
	Most   money.Money
	Lines  []OwedLine
	Limits money.Limits
	At     time.Time
}

// Give decides that money of a payment pays for another order. It is as much as the lines have left to get back, and in
// all. Taken is what the other payment takes in the same append. It is no money when nothing is left.
//
// It returns no events for a credit that is known. Error: payment_disputed.
func Give(p Payment, c GiveCredit) (events []domain.Event, taken money.Money, err error) {
	taken = money.Zero(c.Most.Currency)
	if _, known := p.Refund(c.CreditID); known || !c.Most.SameCurrency(p.Captured) {
		return nil, taken, nil
	}
	if p.Disputed() {
		return nil, taken, domain.Refuse(CodePaymentDisputed, "payment %s is disputed: its money pays for nothing else", p.ID)
	}
	sum := money.Zero(c.Most.Currency)
	lines := slices.Clone(c.Lines)
	for i := range lines {
		sum, lines[i].Quantity = sum.Add(lines[i].Amount), 0 // the pieces are counted when they come
	}
	due, shares := p.due(OweRefund{RefundID: c.CreditID, Amount: sum, Lines: lines}, p.Refundable())
	taken = c.Limits.Floor(smaller(due, c.Most))
	if !taken.IsPositive() {
		return nil, money.Zero(c.Most.Currency), nil
	}
	return p.credit(c.CreditID, c.To, 1, taken, trimLines(shares, taken), c.At), taken, nil
}

// withoutCredited returns what a fact owes beside a credit, and what of each line that one covers.
func (p Payment) withoutCredited(c OweRefund) (OweRefund, []RefundLine) {
	credit, known := p.Refund(c.CreditID)
	if !known || c.CreditID == uuid.Nil {
		return c, nil
	}
	var covered []RefundLine
	c.Lines = slices.Clone(c.Lines)
	for i := range c.Lines {
		l := &c.Lines[i]
		part := smaller(l.Amount, amountOf(credit.Lines, l.LineID).Sub(amountOf(covered, l.LineID)))
		if part.IsPositive() {
			l.Amount, c.Amount = l.Amount.Sub(part), c.Amount.Sub(part)
			covered = append(covered, RefundLine{LineID: l.LineID, Amount: part})
		}
	}
	return c, covered
}

// credit returns that an amount goes to another order.
func (p Payment) credit(id, to uuid.UUID, attempt int, amount money.Money, lines []RefundLine, at time.Time) []domain.Event {
	return []domain.Event{
		RefundRequested{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: id, Amount: amount, Reason: ReasonExchange, Lines: lines, RequestedAt: at,
			Parts: []RefundPart{{Attempt: attempt, Source: CreditRef(to), Amount: amount}},
		},
		PaymentRefunded{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: id, Attempt: attempt, Amount: amount, Reason: ReasonExchange, GatewayRef: CreditRef(to), RefundedAt: at,
		},
	}
}

// Take decides that a payment takes a credit of another order. It belongs into the append of [Give].
func Take(orderID, from, creditID uuid.UUID, amount money.Money, at time.Time) []domain.Event {
	if !amount.IsPositive() {
		return nil
	}
	return []domain.Event{PaymentCapturedElsewhere{
		PaymentID: ID(orderID), OrderID: orderID, Amount: amount, CaptureRef: "credit/" + creditID.String(), GatewayRef: CreditRef(from), CapturedAt: at,
	}}
}

// Reduce decides that a payment gives a part of an unused credit back. [TakeBack] belongs into the same append. It
// returns no events when that is known.
func Reduce(p Payment, id, from uuid.UUID, amount money.Money, at time.Time) []domain.Event {
	amount = smaller(amount, p.Unapplied())
	if _, known := p.Refund(id); known || !amount.IsPositive() {
		return nil
	}
	return p.credit(id, from, 1, amount, nil, at)
}

// TakeBack decides what it means for a payment that an order gives a part of its credit back. What the credit had
// covered of obligations is owed in its place, as far as what stands of the credit is less. It belongs into the append
// in which the other payment refunds the amount.
func TakeBack(p Payment, from uuid.UUID, amount money.Money, at time.Time) []domain.Event {
	for _, r := range p.Refunds {
		i := slices.IndexFunc(r.Attempts, func(a RefundAttempt) bool { return a.Source == CreditRef(from) && a.Status == RefundStatusPaid })
		if i < 0 || p.creditedFrom(r) {
			continue
		}
		amount = smaller(amount, r.Attempts[i].Amount)
		stands := r.Attempts[i].Amount.Sub(amount)
		kept, freed := p.freedOf(r, amount)
		events := []domain.Event{CreditReturned{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, From: from, Amount: amount, ReturnedAt: at,
		}}
		if stands.IsPositive() {
			events = append(events, p.credit(r.RefundID, from, len(r.Attempts)+1, stands, kept, at)...)
		}
		covered, after := p.coveredBy(r.RefundID, uuid.Nil), p
		for _, e := range events {
			after = Evolve(after, e)
		}
		more := smaller(atLeastNothing(covered.Sub(stands)), smaller(amount, after.Refundable()))
		owed, _ := after.owedInstead(r.RefundID, "returned/"+stands.Text(), freed, more, at)
		return append(events, owed...)
	}
	return nil
}

// coveredBy is what a refund covers of obligations: of one line, or of all.
func (p Payment) coveredBy(refundID, line uuid.UUID) money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, o := range p.Refunds {
		for _, c := range o.Covers {
			if slices.Contains(c.By, refundID) && (line == uuid.Nil || c.LineID == line) {
				total = total.Add(c.Amount)
			}
		}
	}
	return total
}

// freedOf divides the lines of a credit of which an amount comes back. What covers no obligation goes first, each time
// from the last line. Freed are those lines that have covered some.
func (p Payment) freedOf(r Refund, amount money.Money) (kept, freed []RefundLine) {
	kept = slices.Clone(r.Lines)
	for _, covers := range []bool{false, true} {
		for i := len(kept) - 1; i >= 0; i-- {
			most := kept[i].Amount
			if !covers {
				most = atLeastNothing(most.Sub(p.coveredBy(r.RefundID, kept[i].LineID)))
			}
			part := smaller(most, amount)
			if !part.IsPositive() {
				continue
			}
			stays, goes := kept[i].split(kept[i].Amount.Sub(part))
			if kept[i], amount = stays, amount.Sub(part); covers {
				freed = append(freed, goes)
			}
		}
	}
	return slices.DeleteFunc(kept, func(l RefundLine) bool { return !l.Amount.IsPositive() }), freed
}

// withoutCredit returns the payment with a credit that has come back. What of it stands is given anew.
func (p Payment) withoutCredit(e CreditReturned) Payment {
	return p.changeRefund(e.RefundID, func(r *Refund) {
		for i := range r.Attempts {
			if a := &r.Attempts[i]; a.Source == CreditRef(e.From) && a.Status == RefundStatusPaid {
				a.Status, a.SettledAt = RefundStatusFailed, e.ReturnedAt
			}
		}
		r.Amount, r.Lines = r.Live(), nil
	})
}
