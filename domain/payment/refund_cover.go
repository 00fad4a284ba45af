package payment

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Cover is what an obligation lacks because refunds that nobody owed give it back.
type Cover struct {
	// LineID is the line that they give it back of; zero where they leave too little of the whole payment.
	LineID uuid.UUID   `json:"line_id,omitzero"`
	Amount money.Money `json:"amount"`
	// By are those refunds. Whichever of them fails, as much of the amount is owed.
	By []uuid.UUID `json:"by"`
}

// Covered is what an obligation lacks in all because of other refunds.
func (r Refund) Covered() money.Money {
	total := money.Zero(r.Amount.Currency)
	for _, c := range r.Covers {
		total = total.Add(c.Amount)
	}
	return total
}

// onlyOwed returns the payment as if there were no refunds but what is owed, and all of that were.
func (p Payment) onlyOwed() Payment {
	p.Refunds = slices.DeleteFunc(slices.Clone(p.Refunds), func(r Refund) bool { return !r.Owed })
	for i := range p.Refunds {
		r := &p.Refunds[i]
		r.Lines = slices.Clip(r.Lines)
		for _, c := range r.Covers {
			if r.Amount = r.Amount.Add(c.Amount); c.LineID != uuid.Nil {
				r.Lines = append(r.Lines, RefundLine{LineID: c.LineID, Amount: c.Amount})
			}
		}
	}
	return p
}

// linesWithout is what lines get beyond others.
func linesWithout(lines, others []RefundLine) (rest []RefundLine) {
	for _, l := range lines {
		if more := amountOf(lines, l.LineID).Sub(amountOf(others, l.LineID)); more.IsPositive() && amountOf(rest, l.LineID).IsZero() {
			rest = append(rest, RefundLine{LineID: l.LineID, Amount: more})
		}
	}
	return rest
}

// covering are the refunds that nobody owed and that have not failed: all, or those of one line.
func (p Payment) covering(line uuid.UUID) (ids []uuid.UUID) {
	for _, r := range p.Refunds {
		if !r.Owed && r.Live().IsPositive() && (line == uuid.Nil || amountOf(r.Lines, line).IsPositive()) {
			ids = append(ids, r.RefundID)
		}
	}
	return ids
}

// coversOf returns what of an obligation is covered now.
func (p Payment) coversOf(covered money.Money, lines []RefundLine) (covers []Cover) {
	for _, l := range lines {
		covers = append(covers, Cover{LineID: l.LineID, Amount: l.Amount, By: p.covering(l.LineID)})
		covered = covered.Sub(l.Amount)
	}
	if covered.IsPositive() {
		covers = append(covers, Cover{Amount: covered, By: p.covering(uuid.Nil)})
	}
	return covers
}

// fail returns that an attempt has failed. Where nobody had owed that refund, obligations may have been less because of
// it. What they lack then is owed in its place, in the same append and as far as it is refundable.
func (p Payment) fail(e RefundFailed) []domain.Event {
	p = Evolve(p, e)
	r, _ := p.Refund(e.RefundID)
	if r.Owed {
		return []domain.Event{e}
	}
	owed, sum := p.owedInstead(r.RefundID, strconv.Itoa(e.Attempt), r.Lines, smaller(e.Amount, p.Refundable()), e.FailedAt)
	if len(owed) == 0 {
		return []domain.Event{e}
	}
	return append([]domain.Event{e, p.reduced(r.RefundID, r.Amount.Sub(sum), ReasonOwedInstead, e.FailedAt)}, owed...)
}

// owedInstead returns what is owed in the place of a refund that nobody had owed, and how much that is. It is what that
// one had covered, of these lines, and no more than left.
func (p Payment) owedInstead(
	refundID uuid.UUID, key string, lines []RefundLine, left money.Money, at time.Time,
) (owed []domain.Event, sum money.Money) {
	sum = money.Zero(left.Currency)
	for _, o := range p.Refunds {
		for i, c := range o.Covers {
			amount := smaller(c.Amount, left)
			if c.LineID != uuid.Nil {
				amount = smaller(amount, amountOf(lines, c.LineID))
			}
			if !amount.IsPositive() || !slices.Contains(c.By, refundID) {
				continue
			}
			instead := RefundOwed{
				PaymentID: p.ID, OrderID: p.OrderID, RefundID: domain.DerivedID(o.RefundID, fmt.Sprintf("uncovered/%s/%s/%d", refundID, key, i)),
				Amount: amount, Rest: p.RefundRest, Completes: o.RefundID, InsteadOf: refundID, Reason: o.Reason, OwedAt: at,
			}
			if c.LineID != uuid.Nil {
				instead.Lines = []RefundLine{partOf(lines, c.LineID, amount)}
			}
			left, sum = left.Sub(amount), sum.Add(amount)
			owed = append(owed, instead)
		}
	}
	return owed, sum
}

// withObligation returns the payment with what is owed.
func (p Payment) withObligation(e RefundOwed) Payment {
	covers := p.coversOf(e.Covered, e.CoveredLines)
	p.RefundRest = e.Rest
	if e.Completes != uuid.Nil {
		p = p.changeRefund(e.Completes, func(r *Refund) { r.uncover(e) })
	}
	return p.changeRefund(e.RefundID, func(r *Refund) {
		r.Amount, r.Obligation, r.Reason, r.Owed, r.Lines, r.CreatedAt = e.Amount, e.Amount, e.Reason, true, e.Lines, e.OwedAt
		r.Covers, r.Completes = covers, e.Completes
		if e.Reason == ReasonCapturedElsewhere {
			r.Unapplied = e.Amount
		}
	})
}

// uncover takes off what is owed by another obligation now.
func (r *Refund) uncover(e RefundOwed) {
	line := uuid.Nil
	if len(e.Lines) > 0 {
		line = e.Lines[0].LineID
	}
	left := e.Amount
	var covers []Cover
	for _, c := range r.Covers {
		if c.LineID == line && slices.Contains(c.By, e.InsteadOf) {
			now := smaller(c.Amount, left)
			c.Amount, left = c.Amount.Sub(now), left.Sub(now)
		}
		if c.Amount.IsPositive() {
			covers = append(covers, c)
		}
	}
	r.Covers = covers
}
