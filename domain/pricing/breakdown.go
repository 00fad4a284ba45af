package pricing

import (
	"slices"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
)

// Breakdown explains an amount: of a line, of a shipping line, or of a share of one. All of its amounts have one
// currency, and none is below zero.
//
//	payable = gross - discounts + taxes that are not included
type Breakdown struct {
	// Gross is the price before discounts. It contains the included taxes.
	Gross money.Money `json:"gross"`
	// Discounts are what each discount of the order takes off.
	Discounts []Allocation `json:"discounts,omitempty"`
	Taxes     []Tax        `json:"taxes,omitempty"`
	// Payable is what the customer pays.
	Payable money.Money `json:"payable"`
}

// Allocation is what one discount of the order takes off a line or shipping line.
type Allocation struct {
	// Discount is the position of the discount in the order, from 0.
	Discount int         `json:"discount"`
	Amount   money.Money `json:"amount"`
}

// Tax is one tax on a line or shipping line.
type Tax struct {
	Name string `json:"name"`
	// Rate is a part of one: 0.19 for 19 %. It may be left out of a tax whose amount the shop gives.
	Rate decimal.Decimal `json:"rate,omitzero"`
	// Included says that the price contains the tax. Otherwise it comes on top.
	Included bool        `json:"included,omitzero"`
	Amount   money.Money `json:"amount"`
}

// Plain is the breakdown of a price without discounts and taxes.
func Plain(price money.Money) Breakdown { return Breakdown{Gross: price, Payable: price} }

// IsPlain reports whether the breakdown tells no more than its price.
func (b Breakdown) IsPlain() bool { return len(b.Discounts) == 0 && len(b.Taxes) == 0 }

// Discount is what all discounts take off.
func (b Breakdown) Discount() money.Money {
	sum := money.Zero(b.Payable.Currency)
	for _, d := range b.Discounts {
		sum = sum.Add(d.Amount)
	}
	return sum
}

// Net is the price after discounts. It contains the included taxes.
func (b Breakdown) Net() money.Money { return b.Gross.Sub(b.Discount()) }

// Tax is all taxes together.
func (b Breakdown) Tax() money.Money { return b.TaxIncluded().Add(b.TaxExcluded()) }

// TaxIncluded is the taxes that the price contains.
func (b Breakdown) TaxIncluded() money.Money { return b.tax(true) }

// TaxExcluded is the taxes that come on top.
func (b Breakdown) TaxExcluded() money.Money { return b.tax(false) }

func (b Breakdown) tax(included bool) money.Money {
	sum := money.Zero(b.Payable.Currency)
	for _, t := range b.Taxes {
		if t.Included == included {
			sum = sum.Add(t.Amount)
		}
	}
	return sum
}

// Add returns both together. They are shares of the same line or shipping line: discounts and taxes match by position.
func (b Breakdown) Add(o Breakdown) Breakdown { return b.combine(o, money.Money.Add) }

// Sub returns what is left of b without its share o, see [Breakdown.Add].
func (b Breakdown) Sub(o Breakdown) Breakdown { return b.combine(o, money.Money.Sub) }

// PartOf reports whether b may be taken off whole, a breakdown of the same line. No part of what is left is below zero.
func (b Breakdown) PartOf(whole Breakdown) bool {
	return len(b.Discounts) == len(whole.Discounts) && len(b.Taxes) == len(whole.Taxes) && whole.Sub(b).Consistent()
}

func (b Breakdown) combine(o Breakdown, f func(a, b money.Money) money.Money) Breakdown {
	b.Gross, b.Payable = f(b.Gross, o.Gross), f(b.Payable, o.Payable)
	b.Discounts, b.Taxes = slices.Clone(b.Discounts), slices.Clone(b.Taxes)
	for i := range min(len(b.Discounts), len(o.Discounts)) {
		b.Discounts[i].Amount = f(b.Discounts[i].Amount, o.Discounts[i].Amount)
	}
	for i := range min(len(b.Taxes), len(o.Taxes)) {
		b.Taxes[i].Amount = f(b.Taxes[i].Amount, o.Taxes[i].Amount)
	}
	return b
}

// Consistent reports whether the amounts explain each other. They have one currency, and none is below zero. Payable is
// gross less discounts, with the taxes on top. Included taxes are no more than what is left of the gross.
func (b Breakdown) Consistent() bool {
	all := []money.Money{b.Gross, b.Payable}
	for _, d := range b.Discounts {
		all = append(all, d.Amount)
	}
	for _, t := range b.Taxes {
		all = append(all, t.Amount)
	}
	for _, m := range all {
		if _, err := money.New(m.Amount, m.Currency); err != nil || m.Amount.IsNegative() || !m.SameCurrency(b.Payable) {
			return false
		}
	}
	net := b.Net()
	return b.TaxIncluded().Cmp(net) <= 0 && b.Payable.Cmp(net.Add(b.TaxExcluded())) == 0
}

// Equal reports whether both tell the same.
func (b Breakdown) Equal(o Breakdown) bool {
	same := func(a, b money.Money) bool { return a.SameCurrency(b) && a.Cmp(b) == 0 }
	return same(b.Gross, o.Gross) && same(b.Payable, o.Payable) &&
		slices.EqualFunc(b.Discounts, o.Discounts, func(a, b Allocation) bool { return a.Discount == b.Discount && same(a.Amount, b.Amount) }) &&
		slices.EqualFunc(b.Taxes, o.Taxes, func(a, b Tax) bool {
			return a.Name == b.Name && a.Rate.Equal(b.Rate) && a.Included == b.Included && same(a.Amount, b.Amount)
		})
}

// Detail returns the breakdown where it tells more than its price, and nil otherwise: what is plain is left out of
// events.
func (b Breakdown) Detail() *Breakdown {
	if b.IsPlain() {
		return nil
	}
	return &b
}
