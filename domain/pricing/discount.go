package pricing

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// discount takes the discounts off: those on lines first, then those on the order, and those on shipping.
func (p *Priced) discount(bad *domain.Invalids, o Order) {
	p.Discounts = make([]money.Money, len(o.Discounts))
	for _, target := range []Target{TargetLine, TargetOrder, TargetShipping} {
		for i, d := range o.Discounts {
			if d.Target == target {
				p.Discounts[i] = d.takeOff(bad, i, o, p.targets(d))
			}
		}
	}
}

// targets are the lines or shipping lines that a discount is taken off.
func (p *Priced) targets(d Discount) []*Breakdown {
	from := p.Lines
	if d.Target == TargetShipping {
		from = p.Shipping
	}
	var out []*Breakdown
	for i := range from {
		if d.Target != TargetLine || slices.Contains(d.Lines, i) {
			out = append(out, &from[i])
		}
	}
	return out
}

// takeOff shares out a discount over its targets, and returns what it comes to. A percentage of lines is taken of each
// line by itself. One of the order, or of shipping, is taken of what is left of all of it.
func (d Discount) takeOff(bad *domain.Invalids, i int, o Order, targets []*Breakdown) money.Money {
	left := make([]int64, len(targets))
	var all int64
	for j, t := range targets {
		left[j] = t.Payable.MinorUnits() // without taxes as yet
		all += left[j]
	}
	var off []int64
	switch {
	case !d.Amount.IsZero():
		amount := money.Money{Amount: d.Amount, Currency: o.Currency}
		if amount.MinorUnits() > all {
			bad.Add(fmt.Sprintf("discounts[%d].amount", i), "is more than the %s that is left to discount", money.FromMinorUnits(all, o.Currency))
			return money.Zero(o.Currency)
		}
		off = largestRemainder(amount.MinorUnits(), left)
	case d.Target == TargetLine:
		for _, l := range left {
			off = append(off, d.percentOf(l, o.Rounding))
		}
	default:
		off = largestRemainder(d.percentOf(all, o.Rounding), left)
	}
	total := money.Zero(o.Currency)
	for j, t := range targets {
		if off[j] == 0 {
			continue
		}
		amount := money.FromMinorUnits(off[j], o.Currency)
		t.Discounts, t.Payable = append(t.Discounts, Allocation{Discount: i, Amount: amount}), t.Payable.Sub(amount)
		total = total.Add(amount)
	}
	return total
}

// percentOf is the percentage of minor units, rounded.
func (d Discount) percentOf(minor int64, r Rounding) int64 {
	return r.quotient(decimal.NewFromInt(minor).Mul(d.Percentage), decimal.NewFromInt(100), 0).IntPart()
}

// largestRemainder shares out total in proportion to the weights, of which it is at most the sum. Each gets its
// proportion rounded down. What is left goes, one by one, to those that lost most by that; among equals to the first.
// So none gets more than its weight.
//
// It is the method of Hamilton, see https://en.wikipedia.org/wiki/Quota_method.
func largestRemainder(total int64, weights []int64) []int64 {
	var sum int64
	for _, w := range weights {
		sum += w
	}
	out := make([]int64, len(weights))
	if sum == 0 {
		return out
	}
	rests := make([]uint64, len(weights))
	byRest := make([]int, len(weights))
	left := total
	for i, w := range weights {
		high, low := bits.Mul64(uint64(total), uint64(w)) //nolint:gosec // none is below zero
		quotient, rest := bits.Div64(high, low, uint64(sum))
		out[i], rests[i], byRest[i] = int64(quotient), rest, i //nolint:gosec // at most total
		left -= out[i]
	}
	slices.SortStableFunc(byRest, func(a, b int) int { return cmp.Compare(rests[b], rests[a]) })
	for _, i := range byRest[:left] {
		out[i]++
	}
	return out
}

// Spread shares out an amount in proportion to others, by largest remainder. None gets more than it has; what is beyond
// all of them is shared out to none.
func Spread(amount money.Money, over []money.Money) []money.Money {
	weights := make([]int64, len(over))
	var sum int64
	for i, m := range over {
		weights[i] = max(m.MinorUnits(), 0)
		sum += weights[i]
	}
	out := make([]money.Money, len(over))
	for i, part := range largestRemainder(min(max(amount.MinorUnits(), 0), sum), weights) {
		out[i] = money.FromMinorUnits(part, amount.Currency)
	}
	return out
}
