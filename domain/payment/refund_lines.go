package payment

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// WentBack is what of a line or shipping line of the order went back, or is to go back.
type WentBack struct {
	// Amount is all of it.
	Amount money.Money
	// Pieces is the pieces that a part of it was for, and ForPieces is that part.
	Pieces    int
	ForPieces money.Money
}

// WentBack tells what went back of a line or shipping line.
func (p Payment) WentBack(id uuid.UUID) WentBack {
	out := WentBack{Amount: money.Zero(p.Captured.Currency), ForPieces: money.Zero(p.Captured.Currency)}
	p.eachRefunded(id, func(l RefundLine) {
		out.Amount = out.Amount.Add(l.Amount)
		if l.Quantity > 0 {
			out.Pieces, out.ForPieces = out.Pieces+l.Quantity, out.ForPieces.Add(l.Amount)
		}
	})
	return out
}

// LeftOf is what of a line or shipping line can still go back, of which this was captured.
func (p Payment) LeftOf(id uuid.UUID, captured pricing.Breakdown) money.Money {
	return p.leftOf(OwedLine{LineID: id, Captured: captured})
}

// eachRefunded calls f with each part of a refund that is for this line. It leaves out what failed.
func (p Payment) eachRefunded(id uuid.UUID, f func(RefundLine)) {
	for _, r := range p.Refunds {
		for _, l := range r.counted() {
			if l.LineID == id {
				f(l)
			}
		}
	}
}

// counted are the lines that go back or are to go back. Of what was asked for by a person, the part that failed has let
// its lines go, from the last one.
func (r Refund) counted() []RefundLine {
	if r.Owed || r.Live().Cmp(r.Amount) == 0 {
		return r.Lines
	}
	return trimLines(r.Lines, r.Live())
}

// explain returns a part of a refund with what of its amount is price, discount and tax. That is what the pieces had
// cost, where the line has as much left of each. Otherwise it is a part of what is left of the line. That is what was
// captured, less what went back or was waived. What this refund gives back besides is taken off too. So each of them
// adds up over all refunds to what was captured.
func (p Payment) explain(l OwedLine, amount money.Money, besides []RefundLine) RefundLine {
	out := RefundLine{LineID: l.LineID, Amount: amount, Quantity: l.Quantity}
	if l.Captured.IsPlain() {
		return out
	}
	left := l.Captured
	gone := func(g RefundLine) { left = left.Sub(g.explained(left)) }
	p.eachRefunded(l.LineID, gone)
	for _, w := range p.Waivers {
		besides = append(besides[:len(besides):len(besides)], w.Lines...)
	}
	for _, b := range besides {
		if b.LineID == l.LineID {
			gone(b)
		}
	}
	if !left.Consistent() { // more went back than was captured, for which nobody can tell the parts
		left = l.Captured
	}
	if c := l.Cost; c != nil && c.Payable.Cmp(amount) == 0 && c.PartOf(left) {
		out.Money = c.Detail()
		return out
	}
	out.Money = left.Part(smaller(amount, left.Payable)).Detail()
	return out
}

// explained explains what a line gets back. Of what was recorded without, it is in proportion to what is left.
func (l RefundLine) explained(left pricing.Breakdown) pricing.Breakdown {
	if l.Money != nil {
		return *l.Money
	}
	if !left.Consistent() {
		return pricing.Plain(l.Amount)
	}
	return left.Part(smaller(l.Amount, left.Payable))
}

// partOf returns an amount of what lines tell of one line of the order, from the first entry.
func partOf(lines []RefundLine, id uuid.UUID, amount money.Money) RefundLine {
	out := RefundLine{LineID: id, Amount: amount}
	for _, l := range lines {
		if l.LineID != id || !amount.IsPositive() {
			continue
		}
		now, _ := l.split(smaller(l.Amount, amount))
		amount = amount.Sub(now.Amount)
		switch {
		case now.Money == nil:
		case out.Money == nil:
			out.Money = now.Money
		default:
			sum := out.Money.Add(*now.Money)
			out.Money = &sum
		}
	}
	return out
}

// explainAll is explain for all lines of a refund that is asked for.
func (p Payment) explainAll(lines []OwedLine) (out []RefundLine) {
	for _, l := range lines {
		out = append(out, p.explain(l, l.Amount, out))
	}
	return out
}

// split divides what a line gets back into an amount and what is left. The pieces stay with the amount, as far as there
// is one.
func (l RefundLine) split(amount money.Money) (now, later RefundLine) {
	amount = atLeastNothing(amount)
	now, later = l, l
	now.Amount, later.Amount = amount, l.Amount.Sub(amount)
	if l.Money != nil {
		part := l.Money.Part(amount)
		now.Money, later.Money = part.Detail(), l.Money.Sub(part).Detail()
	}
	if amount.IsPositive() {
		later.Quantity = 0
	}
	return now, later
}
