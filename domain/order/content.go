package order

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
)

// Item is one line of an order.
type Item struct {
	// LineID names the line, see [LineID]. It is zero, and left out, until [Place] gives it; events always have it.
	LineID    uuid.UUID `json:"line_id,omitzero" jsonschema:"required"`
	ProductID string    `json:"product_id"`
	SKU       string    `json:"sku"`
	// Name is what people call it.
	Name      string      `json:"name,omitempty"`
	Quantity  int         `json:"quantity"`
	UnitPrice money.Money `json:"unit_price"`
	// TaxClass is the class by which its taxes were found, if it has one.
	TaxClass string `json:"tax_class,omitempty"`
	// RequiresShipping is false for what ships nothing, such as a download. It is left out for goods.
	RequiresShipping *bool `json:"requires_shipping,omitempty"`
	// Metadata is the shop's own; it is kept and shown, and decides nothing.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Money explains what the line costs. It is left out where that is just the price of its pieces.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// Breakdown explains what the line costs.
func (i Item) Breakdown() pricing.Breakdown { return breakdown(i.Money, i.UnitPrice.Times(i.Quantity)) }

// Total is what the whole line costs.
func (i Item) Total() money.Money { return i.Breakdown().Payable }

// Digital reports whether the line ships nothing.
func (i Item) Digital() bool { return i.RequiresShipping != nil && !*i.RequiresShipping }

// ShippingLine is what one way of shipping an order costs.
type ShippingLine struct {
	// ShippingLineID names it, see [ShippingLineID]. It is zero, and left out, until [Place] gives it.
	ShippingLineID uuid.UUID `json:"shipping_line_id,omitzero" jsonschema:"required"`
	// Method is the shop's code of the way of shipping, such as express, and Name what people call it.
	Method string `json:"method"`
	Name   string `json:"name,omitempty"`
	// Amount is the price before discounts.
	Amount   money.Money `json:"amount"`
	TaxClass string      `json:"tax_class,omitempty"`
	// Money explains what it costs. It is left out where that is just the amount.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// Breakdown explains what the shipping line costs.
func (l ShippingLine) Breakdown() pricing.Breakdown { return breakdown(l.Money, l.Amount) }

// Total is what the shipping line costs.
func (l ShippingLine) Total() money.Money { return l.Breakdown().Payable }

// ShippingLineID is the id of the shipping line that stood at this position, from 1, when the order was placed.
func ShippingLineID(orderID uuid.UUID, position int) uuid.UUID {
	return derived(orderID, "shipping", position)
}

// ShippingShare is what one shipment carries of a shipping line.
type ShippingShare struct {
	ShippingLineID uuid.UUID   `json:"shipping_line_id"`
	Amount         money.Money `json:"amount"`
	// Money explains the amount, where it is not just a price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

func shippingShare(id uuid.UUID, b pricing.Breakdown) ShippingShare {
	return ShippingShare{ShippingLineID: id, Amount: b.Payable, Money: b.Detail()}
}

// Breakdown explains the share.
func (s ShippingShare) Breakdown() pricing.Breakdown { return breakdown(s.Money, s.Amount) }

// Discount is what the shop took off, as it was meant, and what it came to. What of it each line got is told by the
// lines; it is never shared out anew.
type Discount struct {
	Target pricing.Target `json:"target"`
	// LineIDs are the lines that a discount on lines is for.
	LineIDs []uuid.UUID `json:"line_ids,omitempty"`
	// Percentage, of a hundred, or Amount is what was meant.
	Percentage decimal.Decimal `json:"percentage,omitzero"`
	Amount     money.Money     `json:"amount,omitzero"`
	// Code is what the customer gave for it, and Reason why it was given.
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Total is what it took off in all.
	Total money.Money `json:"total"`
}

// Content is what an order consists of and costs.
type Content struct {
	Items         []Item
	ShippingLines []ShippingLine
	Discounts     []Discount
	Rounding      pricing.Rounding
}

// Priced returns the content with what each part of it costs. P was computed of the same lines, shipping lines and
// discounts, in the same order.
func (c Content) Priced(p pricing.Priced) Content {
	c.Items, c.ShippingLines, c.Discounts = slices.Clone(c.Items), slices.Clone(c.ShippingLines), slices.Clone(c.Discounts)
	for i, b := range p.Lines {
		c.Items[i].Money = b.Detail()
	}
	for i, b := range p.Shipping {
		c.ShippingLines[i].Money = b.Detail()
	}
	for i, total := range p.Discounts {
		c.Discounts[i].Total = total
	}
	return c
}

// Total is what the lines and shipping lines cost. They have one currency.
func (c Content) Total() money.Money { return Total(c.Items, c.ShippingLines) }

// Totals explain the total; nil where it is just the lines' prices.
func (c Content) Totals() *pricing.Totals {
	if len(c.ShippingLines) == 0 && !slices.ContainsFunc(c.Items, func(i Item) bool { return i.Money != nil }) {
		return nil
	}
	var lines, shipping []pricing.Breakdown
	for _, i := range c.Items {
		lines = append(lines, i.Breakdown())
	}
	for _, l := range c.ShippingLines {
		shipping = append(shipping, l.Breakdown())
	}
	totals := pricing.Sum(c.Total().Currency, lines, shipping)
	if totals.IsPlain() {
		return nil
	}
	return &totals
}

// Content is what the order consists of and costs now, without what was cancelled.
func (o Order) Content() Content {
	return Content{Items: o.Items, ShippingLines: o.ShippingLines, Discounts: o.Discounts, Rounding: o.Rounding}
}

// Total is what lines and shipping lines cost, which have one currency.
func Total(items []Item, shipping []ShippingLine) money.Money {
	var sum money.Money
	for _, i := range items {
		sum = sum.Add(i.Total())
	}
	for _, l := range shipping {
		sum = sum.Add(l.Total())
	}
	return sum
}

func breakdown(detail *pricing.Breakdown, price money.Money) pricing.Breakdown {
	if detail != nil {
		return *detail
	}
	return pricing.Plain(price)
}

// checkContent names parts of the content that do not explain each other, as [domain.Invalids].
func (c Content) check(bad *domain.Invalids) {
	for i, item := range c.Items {
		b := item.Breakdown()
		if !b.Consistent() || b.Gross.Cmp(item.UnitPrice.Times(item.Quantity)) != 0 {
			bad.Add(path("items", i)+".money", "the amounts do not add up to the price of the pieces")
		}
	}
	for i, l := range c.ShippingLines {
		b := l.Breakdown()
		if !b.Consistent() || !b.Payable.SameCurrency(c.Items[0].UnitPrice) || b.Gross.Cmp(l.Amount) != 0 {
			bad.Add(path("shipping_lines", i)+".money", "the amounts do not add up to the price")
		}
	}
}
