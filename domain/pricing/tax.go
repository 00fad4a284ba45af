package pricing

import (
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// addTaxes adds the taxes of a line after its discounts. Given amounts are taken as given. Path is where the taxes
// stand.
func (b *Breakdown) addTaxes(bad *domain.Invalids, path string, r Rounding, rules []TaxRule, pieces int64) {
	if len(rules) == 0 {
		return
	}
	net := b.Payable
	amounts, given := givenTaxes(rules, net.Currency)
	if !given && beyond(net, rules) {
		bad.Add(path, "with these taxes the price is beyond what an order may cost")
		return
	}
	if !given {
		amounts = r.taxes(net, rules, pieces)
	}
	for i, rule := range rules {
		b.Taxes = append(b.Taxes, Tax{
			Name: rule.Name, Rate: rule.Rate, Included: rule.Included, Amount: money.FromMinorUnits(amounts[i], net.Currency),
		})
	}
	if b.TaxIncluded().Cmp(net) > 0 {
		bad.Add(path, "the included taxes are more than the price after discounts, which is %s", net)
	}
	b.Payable = net.Add(b.TaxExcluded())
}

// beyond reports whether taxes by their rates make a price larger than any amount of money.
func beyond(net money.Money, rules []TaxRule) bool {
	whole := decimal.NewFromInt(1)
	for _, rule := range rules {
		if !rule.Included {
			whole = whole.Add(rule.Rate)
		}
	}
	_, err := money.New(net.Amount.Mul(whole).Truncate(0), net.Currency)
	return err != nil
}

// givenTaxes are the amounts that the shop gives, in minor units; given is false when they are to be computed.
func givenTaxes(rules []TaxRule, currency string) (amounts []int64, given bool) {
	for _, rule := range rules {
		if rule.Amount == nil {
			return nil, false
		}
		amounts = append(amounts, money.Money{Amount: *rule.Amount, Currency: currency}.MinorUnits())
	}
	return amounts, true
}

// taxes computes the taxes of a net price, in minor units.
//
// Included taxes are rates/(1 + rates) of the net together, and share that out by largest remainder of their rates. A
// tax on top is its rate of the net less the included taxes. Per unit, each piece is taxed by itself. The net is cut
// into pieces that differ by one minor unit at most, so there are two kinds of them.
func (r Rounding) taxes(net money.Money, rules []TaxRule, pieces int64) []int64 {
	minor := net.MinorUnits()
	if r.Per != PerUnit {
		return r.taxesOf(minor, rules)
	}
	low := minor / pieces
	dearer := minor - low*pieces
	sum := make([]int64, len(rules))
	for _, kind := range []struct{ net, count int64 }{{low, pieces - dearer}, {low + 1, dearer}} {
		for i, tax := range r.taxesOf(kind.net, rules) {
			sum[i] += tax * kind.count
		}
	}
	return sum
}

// taxesOf computes the taxes of one net price in minor units.
func (r Rounding) taxesOf(minor int64, rules []TaxRule) []int64 {
	net, rates := decimal.NewFromInt(minor), decimal.Zero
	for _, rule := range rules {
		if rule.Included {
			rates = rates.Add(rule.Rate)
		}
	}
	included := r.quotient(net.Mul(rates), rates.Add(decimal.NewFromInt(1)), 0).IntPart()
	inside := largestRemainder(included, includedWeights(rules))
	base := decimal.NewFromInt(minor - included)
	out := make([]int64, len(rules))
	for i, rule := range rules {
		if out[i] = inside[i]; !rule.Included {
			out[i] = r.quotient(base.Mul(rule.Rate), decimal.NewFromInt(1), 0).IntPart()
		}
	}
	return out
}

// includedWeights are the rates of the included taxes as whole numbers.
func includedWeights(rules []TaxRule) []int64 {
	weights := make([]int64, len(rules))
	for i, rule := range rules {
		if rule.Included {
			weights[i] = rule.Rate.Shift(RateDigitsMax).IntPart()
		}
	}
	return weights
}

// taxPath names a part of the tax that stands at a position.
func taxPath(path string, i int, part string) string { return fmt.Sprintf("%s[%d].%s", path, i, part) }
