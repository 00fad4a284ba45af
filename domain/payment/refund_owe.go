package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Why a refund is owed.
const (
	ReasonReturn            = "return"
	ReasonShipmentLost      = "shipment_lost"
	ReasonShipmentRefused   = "shipment_refused"
	ReasonShipmentCancelled = "shipment_cancelled"
	// ReasonCapturedInExcess is money that was taken with another share, for goods that were cancelled afterwards.
	ReasonCapturedInExcess = "captured_in_excess"
)

// OweRefund says that a fact, such as a lost shipment, owes the customer money.
type OweRefund struct {
	// RefundID follows from the fact, so that it owes once.
	RefundID uuid.UUID
	Amount   money.Money
	Reason   string
	// Lines share out the amount; empty when it is not known which lines it is for.
	Lines []OwedLine
	// CreditID is the credit by which the same was given to another order before: see [Give]. It covers what it is for.
	CreditID uuid.UUID
	// Limits are the amounts that the gateway moves.
	Limits money.Limits
	At     time.Time
}

// OwedLine is what is owed for one line or shipping line of the order.
type OwedLine struct {
	LineID uuid.UUID
	Amount money.Money
	// Quantity is the pieces that it is for; zero where it is an amount.
	Quantity int
	// Cost explains the amount, where it is what some pieces or some shipping had cost. Nil is an amount that is a part
	// of what is left of the line.
	Cost *pricing.Breakdown
	// Captured explains all that was captured for the line: it never gets back more.
	Captured pricing.Breakdown
}

// Owe records an obligation. Its amount is capped by what is refundable, of each line and of the whole payment. So it
// never stands in the way of the fact that owes it, and it belongs into the same append.
//
// All obligations together are cut off to the gateway's step, and not each by itself. What one of them leaves over, the
// next one takes along. What refunds that nobody owed give back already is covered by them: see [Payment.fail].
//
// It returns no events when the obligation is known, or nothing can be owed any more.
func Owe(p Payment, c OweRefund) []domain.Event {
	if _, known := p.Refund(c.RefundID); known || !c.Amount.SameCurrency(p.Captured) {
		return nil
	}
	e := RefundOwed{PaymentID: p.ID, OrderID: p.OrderID, RefundID: c.RefundID, Reason: c.Reason, OwedAt: c.At}
	c, credited := p.withoutCredited(c)
	due, lines := p.due(c, p.Refundable())
	e.Amount, e.Rest = p.inSteps(due, c.Limits)
	e.Lines = trimLines(lines, e.Amount)
	uncovered := p.onlyOwed()
	if most, all := uncovered.due(c, uncovered.Refundable()); most.Cmp(due) > 0 {
		e.Covered = most.Sub(due)
		e.CoveredLines = trimLines(linesWithout(all, lines), e.Covered)
	}
	for _, l := range credited {
		e.Covered, e.CoveredLines = money.Zero(l.Amount.Currency).Add(e.Covered).Add(l.Amount), append(e.CoveredLines, l)
	}
	if !e.Amount.IsPositive() && e.Covered.IsZero() && e.Rest.Cmp(p.RefundRest) == 0 {
		return nil
	}
	return []domain.Event{e}
}

// due is what a fact owes, and for which lines. Most is what all that is owed may be at most.
func (p Payment) due(c OweRefund, most money.Money) (amount money.Money, lines []RefundLine) {
	amount = c.Amount
	sum := money.Zero(c.Amount.Currency)
	for _, l := range c.Lines {
		left := smaller(l.Amount, p.leftOf(l).Sub(amountOf(lines, l.LineID)))
		if left.IsPositive() {
			lines, sum = append(lines, p.explain(l, left, lines)), sum.Add(left)
		}
	}
	if len(c.Lines) > 0 {
		amount = smaller(amount, sum)
	}
	return atLeastNothing(smaller(amount, most.Sub(p.RefundRest))), lines
}

// inSteps is what the gateway can give back of an amount that is due and of what was left over. Rest is left over now.
func (p Payment) inSteps(due money.Money, l money.Limits) (now, rest money.Money) {
	if l.Step.IsZero() {
		return due, p.RefundRest
	}
	all := due.Add(p.RefundRest)
	now = l.Floor(all)
	return now, all.Sub(now)
}

// leftOf is what a line of the order can still get back. It is what was captured for it and neither went back nor is to
// go back. What was never taken is no part of it.
func (p Payment) leftOf(l OwedLine) money.Money {
	left := l.Captured.Payable.Sub(p.refundedOf(l.LineID))
	for _, w := range p.Waivers {
		left = left.Sub(amountOf(w.Lines, l.LineID))
	}
	return atLeastNothing(left)
}

// amountOf is what lines tell of one line of the order.
func amountOf(lines []RefundLine, id uuid.UUID) (total money.Money) {
	for _, l := range lines {
		if l.LineID == id {
			total = total.Add(l.Amount)
		}
	}
	return total
}

// trimLines shortens the lines from the last one until they sum up to no more than amount.
func trimLines(lines []RefundLine, amount money.Money) []RefundLine {
	kept, _ := splitLines(lines, amount)
	return kept
}

// splitLines divides lines into those that amount is for, from the first one, and what is left of them.
func splitLines(lines []RefundLine, amount money.Money) (kept, rest []RefundLine) {
	for _, l := range lines {
		now, later := l.split(smaller(l.Amount, amount))
		if now.Amount.IsPositive() {
			kept, amount = append(kept, now), amount.Sub(now.Amount)
		}
		if later.Amount.IsPositive() {
			rest = append(rest, later)
		}
	}
	return kept, rest
}

func smaller(a, b money.Money) money.Money {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
