package pricing_test

import (
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// anyOrder draws an order. There are currencies of 0, 2 and 3 digits, free lines, taxes inside and on top, given and
// computed, and discounts of all kinds.
func anyOrder(t *rapid.T) pricing.Order {
	o := pricing.Order{
		Currency: rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(t, "currency"),
		Rounding: pricing.Rounding{
			Mode: rapid.SampledFrom([]pricing.RoundingMode{"", pricing.HalfUp, pricing.HalfEven}).Draw(t, "mode"),
			Per:  rapid.SampledFrom([]pricing.RoundingUnit{"", pricing.PerLine, pricing.PerUnit}).Draw(t, "per"),
		},
	}
	for range rapid.IntRange(1, 5).Draw(t, "lines") {
		line := pricing.Line{UnitPrice: anyAmount(t, o.Currency), Quantity: rapid.IntRange(1, 9).Draw(t, "quantity")}
		line.Taxes = anyTaxes(t, o.Currency)
		o.Lines = append(o.Lines, line)
	}
	for range rapid.IntRange(0, 2).Draw(t, "shipping lines") {
		o.Shipping = append(o.Shipping, pricing.ShippingLine{Amount: anyAmount(t, o.Currency), Taxes: anyTaxes(t, o.Currency)})
	}
	for range rapid.IntRange(0, 3).Draw(t, "discounts") {
		d := pricing.Discount{Target: rapid.SampledFrom([]pricing.Target{pricing.TargetLine, pricing.TargetOrder}).Draw(t, "target")}
		if len(o.Shipping) > 0 && rapid.IntRange(0, 2).Draw(t, "on shipping") == 0 {
			d.Target = pricing.TargetShipping
		}
		if d.Target == pricing.TargetLine {
			d.Lines = []int{rapid.IntRange(0, len(o.Lines)-1).Draw(t, "line")}
		}
		if rapid.Bool().Draw(t, "percentage") {
			d.Percentage = decimal.New(rapid.Int64Range(1, 10_000).Draw(t, "hundredths of a percent"), -2)
		} else {
			d.Amount = money.FromMinorUnits(rapid.Int64Range(1, 500).Draw(t, "off"), o.Currency).Amount
		}
		o.Discounts = append(o.Discounts, d)
	}
	return o
}

func anyAmount(t *rapid.T, currency string) money.Money {
	minor := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, 100_000), rapid.Just(int64(0))).Draw(t, "minor units")
	return money.FromMinorUnits(minor, currency)
}

func anyTaxes(t *rapid.T, currency string) []pricing.TaxRule {
	given := rapid.Bool().Draw(t, "given")
	var rules []pricing.TaxRule
	for range rapid.IntRange(0, 3).Draw(t, "taxes") {
		rule := pricing.TaxRule{
			Name: "tax", Rate: decimal.New(rapid.Int64Range(0, 120_000).Draw(t, "rate"), -5), Included: rapid.Bool().Draw(t, "included"),
		}
		if given {
			amount := money.FromMinorUnits(rapid.Int64Range(0, 9).Draw(t, "tax amount"), currency).Amount
			rule.Amount = &amount
		}
		rules = append(rules, rule)
	}
	return rules
}

// pricedOrder draws an order and prices it. One whose discounts or given taxes do not fit is drawn anew.
func pricedOrder(t *rapid.T) (pricing.Order, pricing.Priced) {
	o := anyOrder(t)
	priced, err := pricing.Price(o)
	if err != nil {
		t.Skip(err)
	}
	return o, priced
}
