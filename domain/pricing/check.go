package pricing

import (
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// Limits of what an order's money may consist of.
const (
	QuantityMax      = 100_000
	ShippingLinesMax = 10
	DiscountsMax     = 50
	TaxesMax         = 10
	NameLengthMax    = 200
	// RateDigitsMax is how many digits after the point a tax rate has, and RateMax is the highest.
	RateDigitsMax = 8
	RateMax       = 100
	// PercentageDigitsMax is how many digits after the point a percentage has.
	PercentageDigitsMax = 4
)

// CheckLines names what is wrong with the quantity and the price of lines, as [domain.Invalids]. The paths are those of
// "items". All lines have the currency of the first.
func CheckLines(lines []Line) error {
	var bad domain.Invalids
	checkLines(&bad, lines)
	return bad.Err()
}

// CheckTerms names what is wrong with all but that: the lines' taxes, shipping lines, discounts and rounding, as
// [domain.Invalids].
func CheckTerms(o Order) error {
	var bad domain.Invalids
	checkTerms(&bad, o)
	return bad.Err()
}

func checkLines(bad *domain.Invalids, lines []Line) {
	currency, before := "", len(*bad)
	sum := decimal.Zero
	for i, l := range lines {
		if i == 0 {
			if currency = l.UnitPrice.Currency; !money.KnownCurrency(currency) {
				bad.Add("currency", "%q is not an active ISO 4217 currency code", domain.Clip(currency))
			}
		}
		if l.Quantity < 1 || l.Quantity > QuantityMax {
			bad.Add(fmt.Sprintf("items[%d].quantity", i), "must be from 1 to %d, got %d", QuantityMax, l.Quantity)
		}
		switch {
		case l.UnitPrice.Currency != currency:
			bad.Add(fmt.Sprintf("items[%d].unit_price", i), "an order has one currency: %q here, %q in the first line",
				domain.Clip(l.UnitPrice.Currency), domain.Clip(currency))
		case money.KnownCurrency(currency): // else said once, for the whole order
			if fault := faultOf(l.UnitPrice.Amount, currency, 0); fault != "" {
				bad.Add(fmt.Sprintf("items[%d].unit_price", i), "%s", fault)
			}
		}
		if len(*bad) == before {
			sum = sum.Add(l.UnitPrice.Times(l.Quantity).Amount)
		}
	}
	if len(*bad) == before && len(lines) > 0 {
		if _, err := money.New(sum, currency); err != nil {
			bad.Add("items", "the total is beyond what an order may cost")
		}
	}
}

func checkTerms(bad *domain.Invalids, o Order) {
	checkRounding(bad, o.Rounding)
	if !money.KnownCurrency(o.Currency) {
		return // said with the lines
	}
	for i, l := range o.Lines {
		checkTaxes(bad, fmt.Sprintf("items[%d].taxes", i), l.Taxes, o.Currency)
	}
	if n := len(o.Shipping); n > ShippingLinesMax {
		bad.Add("shipping_lines", "an order has at most %d shipping lines, got %d", ShippingLinesMax, n)
		return
	}
	before, sum := len(*bad), decimal.Zero
	for i, s := range o.Shipping {
		path := fmt.Sprintf("shipping_lines[%d]", i)
		if s.Amount.Currency != o.Currency {
			bad.Add(path+".amount", "an order has one currency: %q here, %q for the order", domain.Clip(s.Amount.Currency), domain.Clip(o.Currency))
		} else {
			checkAmount(bad, path+".amount", s.Amount.Amount, o.Currency, 0)
		}
		checkTaxes(bad, path+".taxes", s.Taxes, o.Currency)
		if len(*bad) == before {
			sum = sum.Add(s.Amount.Amount)
		}
	}
	if _, err := money.New(sum, o.Currency); len(*bad) == before && err != nil {
		bad.Add("shipping_lines", "the shipping is beyond what an order may cost")
	}
	if n := len(o.Discounts); n > DiscountsMax {
		bad.Add("discounts", "an order has at most %d discounts, got %d", DiscountsMax, n)
		return
	}
	for i, d := range o.Discounts {
		d.check(bad, fmt.Sprintf("discounts[%d]", i), o)
	}
}

func checkRounding(bad *domain.Invalids, r Rounding) {
	if r.Mode != "" && r.Mode != HalfUp && r.Mode != HalfEven {
		bad.Add("rounding.mode", "must be %s or %s, got %q", HalfUp, HalfEven, domain.Clip(string(r.Mode)))
	}
	if r.Per != "" && r.Per != PerLine && r.Per != PerUnit {
		bad.Add("rounding.per", "must be %s or %s, got %q", PerLine, PerUnit, domain.Clip(string(r.Per)))
	}
}

// checkAmount blames an amount that its currency does not have, or that is below so many minor units.
func checkAmount(bad *domain.Invalids, path string, amount decimal.Decimal, currency string, least int64) {
	if fault := faultOf(amount, currency, least); fault != "" {
		bad.Add(path, "%s", fault)
	}
}

// faultOf says what is wrong with an amount; nothing when it is right.
func faultOf(amount decimal.Decimal, currency string, least int64) string {
	m, err := money.New(amount, currency)
	if err != nil {
		var refusal *domain.Error
		errors.As(err, &refusal)
		return refusal.Message
	}
	if m.Amount.IsNegative() || least > 0 && m.MinorUnits() < least {
		return fmt.Sprintf("must be at least %s, got %s", money.FromMinorUnits(least, currency).Text(), m.Text())
	}
	return ""
}

func checkTaxes(bad *domain.Invalids, path string, taxes []TaxRule, currency string) {
	if len(taxes) > TaxesMax {
		bad.Add(path, "a line has at most %d taxes, got %d", TaxesMax, len(taxes))
		return
	}
	for i, t := range taxes {
		bad.Required(taxPath(path, i, "name"), t.Name, NameLengthMax)
		checkDigits(bad, taxPath(path, i, "rate"), t.Rate, RateDigitsMax, RateMax)
		if t.Amount != nil {
			checkAmount(bad, taxPath(path, i, "amount"), *t.Amount, currency, 0)
		}
		if (t.Amount == nil) != (taxes[0].Amount == nil) {
			bad.Add(taxPath(path, i, "amount"), "all taxes of a line have an amount, or none")
		}
	}
}

// checkDigits blames a number that is not from 0 to most, or has more digits after the point than that.
func checkDigits(bad *domain.Invalids, path string, d decimal.Decimal, digits int32, most int64) {
	switch exp := d.Exponent(); {
	case exp > money.AmountDigitsMax || exp < -2*money.AmountDigitsMax || d.NumDigits() > 2*money.AmountDigitsMax:
		bad.Add(path, "has too many digits")
	case d.IsNegative() || d.Cmp(decimal.NewFromInt(most)) > 0:
		bad.Add(path, "must be from 0 to %d, got %s", most, d)
	case !d.Equal(d.Truncate(digits)):
		bad.Add(path, "has at most %d digits after the point, got %s", digits, d)
	}
}

func (d Discount) check(bad *domain.Invalids, path string, o Order) {
	switch d.Target {
	case TargetLine, TargetOrder, TargetShipping:
	default:
		bad.Add(path+".target", "must be %s, %s or %s, got %q", TargetLine, TargetOrder, TargetShipping, domain.Clip(string(d.Target)))
		return
	}
	d.checkLines(bad, path, len(o.Lines))
	if d.Target == TargetShipping && len(o.Shipping) == 0 {
		bad.Add(path+".target", "the order has no shipping lines")
	}
	switch {
	case d.Percentage.IsZero() == d.Amount.IsZero():
		bad.Add(path, "has either a percentage or an amount, above 0")
	case d.Amount.IsZero():
		checkDigits(bad, path+".percentage", d.Percentage, PercentageDigitsMax, 100)
	default:
		checkAmount(bad, path+".amount", d.Amount, o.Currency, 1)
	}
}

// checkLines blames lines that a discount names and the order does not have.
func (d Discount) checkLines(bad *domain.Invalids, path string, lines int) {
	switch {
	case d.Target == TargetLine && len(d.Lines) == 0:
		bad.Add(path+".items", "a discount on lines names them, by their positions from 0")
		return
	case d.Target != TargetLine && len(d.Lines) > 0:
		bad.Add(path+".items", "only a discount on lines names any")
		return
	}
	seen := map[int]bool{}
	for i, line := range d.Lines {
		switch {
		case line < 0 || line >= lines:
			bad.Add(fmt.Sprintf("%s.items[%d]", path, i), "the order has %d lines, counted from 0, and none is number %d", lines, line)
		case seen[line]:
			bad.Add(fmt.Sprintf("%s.items[%d]", path, i), "line %d is named twice", line)
		}
		seen[line] = true
	}
}
