package pricing

import (
	"math/bits"

	"github.com/orderloom/orderloom/domain/money"
)

// Share returns the part of b that belongs to the pieces after the first before, up to and with number after, of n.
//
// Its payable is the cumulative difference round(payable × after ÷ n) - round(payable × before ÷ n), halves rounded up.
// Its gross is that many times the price of one piece, where all pieces have one price. So the shares of any cut of the
// pieces add up to b in every part, and no part of one is below zero. N may be any measure: pieces, or minor units of
// money where b is shared by value. Of nothing (n is zero) all is shared at once, with after above before.
//
// It panics when the pieces are not in order from 0 to n, which is an error of the program.
func (b Breakdown) Share(n, before, after int64) Breakdown {
	if before < 0 || after < before || after > n && n > 0 {
		panic("pricing: a share from beyond the pieces")
	}
	u := unitsOf(b)
	if n == 0 {
		n, before, after = 1, 0, min(1, after-before)
	}
	return b.with(u.upTo(after, n).minus(u.upTo(before, n)))
}

// Part returns a part of b by its payable, which is at most b's. The other amounts are in proportion. What is left is b
// without the part ([Breakdown.Sub]), and no part of either is below zero.
//
// It panics for a payable below zero or above b's.
func (b Breakdown) Part(payable money.Money) Breakdown {
	p := payable.MinorUnits()
	u := unitsOf(b)
	if p < 0 || p > u.payable {
		panic("pricing: a part of more than there is")
	}
	if p == u.payable {
		return b
	}
	tax := scaled(u.excluded, p, u.payable)
	return b.with(u.split(p-tax+scaled(u.discount, p, u.payable), p-tax, p))
}

// units is a breakdown in minor units.
type units struct {
	gross, discount, net, excluded, payable int64
	discounts, taxes                        []int64
	// included tells which of the taxes are.
	included []bool
}

func unitsOf(b Breakdown) units {
	u := units{gross: b.Gross.MinorUnits(), payable: b.Payable.MinorUnits()}
	for _, d := range b.Discounts {
		u.discounts = append(u.discounts, d.Amount.MinorUnits())
		u.discount += d.Amount.MinorUnits()
	}
	u.net = u.gross - u.discount
	u.excluded = u.payable - u.net
	for _, t := range b.Taxes {
		u.taxes, u.included = append(u.taxes, t.Amount.MinorUnits()), append(u.included, t.Included)
	}
	return u
}

// with returns b with these amounts.
func (b Breakdown) with(u units) Breakdown {
	currency := b.Payable.Currency
	out := Breakdown{Gross: money.FromMinorUnits(u.gross, currency), Payable: money.FromMinorUnits(u.payable, currency)}
	for i, d := range b.Discounts {
		d.Amount = money.FromMinorUnits(u.discounts[i], currency)
		out.Discounts = append(out.Discounts, d)
	}
	for i, t := range b.Taxes {
		t.Amount = money.FromMinorUnits(u.taxes[i], currency)
		out.Taxes = append(out.Taxes, t)
	}
	return out
}

// upTo is what belongs to the pieces 1 to k of n. Each of its amounts rises with k, or stays.
//
// The payable is rounded first. What is left to choose is the discount. Net is gross less that, and the taxes on top
// are what the payable is above the net.
//
// Where a piece pays no less than its price, its taxes on top have room for any discount. The discount is rounded by
// itself then. Where it pays less, the taxes on top are a part of the payable, and the discount makes up the price.
// Either way none of the three ever falls.
func (u units) upTo(k, n int64) units {
	payable := scaled(u.payable, k, n)
	if u.gross%n != 0 { // pieces without one price
		net := payable - scaled(u.excluded, payable, u.payable)
		return u.split(net+scaled(u.discount, k, n), net, payable)
	}
	price := u.gross / n
	if u.payable/n >= price {
		return u.split(price*k, price*k-scaled(u.discount, k, n), payable)
	}
	return u.split(price*k, payable-scaled(u.excluded, payable, u.payable), payable)
}

// split shares out the discount and the taxes of a part among the discounts and taxes there are.
func (u units) split(gross, net, payable int64) units {
	part := units{gross: gross, net: net, payable: payable, discount: gross - net, excluded: payable - net, included: u.included}
	part.discounts = cascade(u.discounts, u.discount, part.discount)
	var inside, outside []int64
	var included int64
	for i, tax := range u.taxes {
		if u.included[i] {
			inside, included = append(inside, tax), included+tax
		} else {
			outside = append(outside, tax)
		}
	}
	inside, outside = cascade(inside, included, scaled(included, net, u.net)), cascade(outside, u.excluded, part.excluded)
	for _, in := range u.included {
		from := &outside
		if in {
			from = &inside
		}
		part.taxes, *from = append(part.taxes, (*from)[0]), (*from)[1:]
	}
	return part
}

func (u units) minus(o units) units {
	u.gross, u.payable = u.gross-o.gross, u.payable-o.payable
	for i := range u.discounts {
		u.discounts[i] -= o.discounts[i]
	}
	for i := range u.taxes {
		u.taxes[i] -= o.taxes[i]
	}
	return u
}

// cascade shares out value among parts that add up to total: the first gets its proportion, the next that of what is
// left. As value rises to total, each part rises to its own.
func cascade(parts []int64, total, value int64) []int64 {
	out := make([]int64, len(parts))
	for i, part := range parts {
		out[i] = scaled(part, value, total)
		value, total = value-out[i], total-part
	}
	return out
}

// scaled is amount × part ÷ whole, with halves rounded up, for a part from 0 to whole; zero of no whole.
func scaled(amount, part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(amount), uint64(part)) //nolint:gosec // none is below zero
	quotient, rest := bits.Div64(high, low, uint64(whole))
	if rest >= uint64(whole)-rest {
		quotient++
	}
	return int64(quotient) //nolint:gosec // at most amount
}
