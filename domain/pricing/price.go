package pricing

import (
	"fmt"
	"slices"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// Order is what a shop sends of an order's money.
type Order struct {
	Currency  string
	Rounding  Rounding
	Lines     []Line
	Shipping  []ShippingLine
	Discounts []Discount
}

// IsPlain reports whether the order is nothing but prices.
func (o Order) IsPlain() bool {
	return len(o.Shipping) == 0 && len(o.Discounts) == 0 && !slices.ContainsFunc(o.Lines, func(l Line) bool { return len(l.Taxes) > 0 })
}

// Line is some pieces at one price.
type Line struct {
	UnitPrice money.Money
	Quantity  int
	Taxes     []TaxRule
}

// ShippingLine is what one way of shipping costs.
type ShippingLine struct {
	Amount money.Money
	Taxes  []TaxRule
}

// TaxRule is a tax as a shop sends it. An amount is taken as given. Without one, it is computed from the rate. A line
// has amounts for all of its taxes, or for none.
type TaxRule struct {
	Name string
	// Rate is a part of one: 0.19 for 19 %.
	Rate     decimal.Decimal
	Included bool
	// Amount is nil for a tax that is to be computed.
	Amount *decimal.Decimal
}

// Target is what a discount is taken off.
type Target string

// The targets of a discount.
const (
	TargetLine     Target = "line"
	TargetOrder    Target = "order"
	TargetShipping Target = "shipping"
)

// Discount is what the shop takes off, as it is meant.
type Discount struct {
	Target Target
	// Lines are the positions of the lines that a discount on lines is for, from 0.
	Lines []int
	// Percentage is above 0 and at most 100, and Amount is above zero: one of the two is given.
	Percentage decimal.Decimal
	Amount     decimal.Decimal
}

// Priced is what an order costs. It is frozen when the order is placed.
type Priced struct {
	// Lines and Shipping are in the order of what was sent.
	Lines    []Breakdown
	Shipping []Breakdown
	// Discounts are what each discount comes to in all.
	Discounts []money.Money
	Totals    Totals
}

// Totals sum up an order. An amount of zero is left out of the JSON but for the subtotal and the total.
//
//	total = subtotal - discount + shipping + tax - tax_included
type Totals struct {
	// Subtotal is the price of the lines, and Shipping that of the shipping lines, before discounts.
	Subtotal money.Money `json:"subtotal"`
	Discount money.Money `json:"discount,omitzero"`
	Shipping money.Money `json:"shipping,omitzero"`
	// Tax is all taxes; TaxIncluded is what of them the prices contain.
	Tax         money.Money `json:"tax,omitzero"`
	TaxIncluded money.Money `json:"tax_included,omitzero"`
	Total       money.Money `json:"total"`
}

// Price computes what an order costs.
//
// Discounts on lines come first, then those on the order, which are taken off what is left of the lines. Each is
// shared out by largest remainder, the first line first among equals. Then taxes are computed of what is left.
//
// Errors: [domain.Invalids], as [CheckLines] and [CheckTerms], and for a discount of more than what is left.
func Price(o Order) (Priced, error) {
	var bad domain.Invalids
	checkLines(&bad, o.Lines)
	checkTerms(&bad, o)
	if len(bad) > 0 {
		return Priced{}, bad
	}
	var p Priced
	for _, l := range o.Lines {
		p.Lines = append(p.Lines, Plain(l.UnitPrice.Times(l.Quantity)))
	}
	for _, s := range o.Shipping {
		p.Shipping = append(p.Shipping, Plain(s.Amount))
	}
	p.discount(&bad, o)
	for i, l := range o.Lines {
		p.Lines[i].addTaxes(&bad, fmt.Sprintf("items[%d].taxes", i), o.Rounding, l.Taxes, int64(l.Quantity))
	}
	for i, s := range o.Shipping {
		p.Shipping[i].addTaxes(&bad, fmt.Sprintf("shipping_lines[%d].taxes", i), o.Rounding, s.Taxes, 1)
	}
	p.Totals = Sum(o.Currency, p.Lines, p.Shipping)
	if _, err := money.New(p.Totals.Total.Amount, o.Currency); len(bad) == 0 && err != nil {
		bad.Add("items", "the total is beyond what an order may cost")
	}
	return p, bad.Err()
}

// Sum returns the totals of lines and shipping lines.
func Sum(currency string, lines, shipping []Breakdown) Totals {
	t := Totals{Subtotal: money.Zero(currency), Total: money.Zero(currency)}
	for _, l := range lines {
		t.Subtotal = t.Subtotal.Add(l.Gross)
		t.add(l)
	}
	for _, s := range shipping {
		t.Shipping = t.Shipping.Add(s.Gross)
		t.add(s)
	}
	for _, m := range []*money.Money{&t.Discount, &t.Shipping, &t.Tax, &t.TaxIncluded} {
		if m.IsZero() {
			*m = money.Money{} // left out
		}
	}
	return t
}

func (t *Totals) add(b Breakdown) {
	t.Discount, t.Total = t.Discount.Add(b.Discount()), t.Total.Add(b.Payable)
	t.Tax, t.TaxIncluded = t.Tax.Add(b.Tax()), t.TaxIncluded.Add(b.TaxIncluded())
}

// IsPlain reports whether the totals tell no more than the total.
func (t Totals) IsPlain() bool {
	return t.Total.Cmp(t.Subtotal) == 0 && t.Discount.IsZero() && t.Shipping.IsZero() && t.Tax.IsZero()
}
