package client

import "github.com/google/uuid"

// NewTax is a tax on a line or shipping line of a [NewOrder]. All taxes of a line have an amount, which is taken as
// given, or none has: they are computed from the rates then.
type NewTax struct {
	Name string `json:"name"`
	// Rate is a part of one, such as "0.19".
	Rate string `json:"rate,omitempty"`
	// Included says whether the price contains the tax; nil is as [NewOrder.PricesIncludeTax] says.
	Included *bool `json:"included,omitempty"`
	// Amount is a decimal number, such as "3.78".
	Amount string `json:"amount,omitempty"`
}

// NewShippingLine is what a way of shipping costs.
type NewShippingLine struct {
	// Method is the shop's code of it.
	Method string `json:"method"`
	Name   string `json:"name,omitempty"`
	// Amount is the price before discounts, a decimal number such as "4.90".
	Amount   string `json:"amount"`
	TaxClass string `json:"tax_class,omitempty"`
	// Taxes are nil where the platform is to find them, and empty for none.
	Taxes []NewTax `json:"taxes,omitzero"`
}

// DiscountTarget is what a discount is taken off.
type DiscountTarget string

// The targets of a discount.
const (
	DiscountLine     DiscountTarget = "line"
	DiscountOrder    DiscountTarget = "order"
	DiscountShipping DiscountTarget = "shipping"
)

// NewDiscount is taken off before taxes. It has a percentage or an amount.
type NewDiscount struct {
	Target DiscountTarget `json:"target"`
	// Items are the positions of the lines that a discount on lines is for, from 0.
	Items []int `json:"items,omitempty"`
	// Percentage is a decimal number of a hundred, such as "12.5".
	Percentage string `json:"percentage,omitempty"`
	// Amount is a decimal number in the order's currency.
	Amount string `json:"amount,omitempty"`
	// Code is what the customer gave for it, and Reason why it was given.
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Rounding says how computed amounts are rounded.
type Rounding struct {
	// Mode is half_up, the default, or half_even.
	Mode string `json:"mode,omitempty"`
	// Per is what taxes are computed of: line, the default, or unit.
	Per string `json:"per,omitempty"`
}

// Breakdown explains an amount. Payable is gross less the discounts, with the taxes that are not included.
type Breakdown struct {
	Gross     Money        `json:"gross"`
	Discounts []Allocation `json:"discounts,omitempty"`
	Taxes     []Tax        `json:"taxes,omitempty"`
	Payable   Money        `json:"payable"`
}

// Allocation is what one discount takes off.
type Allocation struct {
	// Discount is its position among the order's, from 0.
	Discount int   `json:"discount"`
	Amount   Money `json:"amount"`
}

// Tax is one tax on a line or shipping line.
type Tax struct {
	Name string `json:"name"`
	Rate string `json:"rate,omitempty"`
	// Included is true when the price contains the tax.
	Included bool  `json:"included,omitempty"`
	Amount   Money `json:"amount"`
}

// ShippingLine is what a way of shipping costs.
type ShippingLine struct {
	ShippingLineID uuid.UUID `json:"shipping_line_id"`
	Method         string    `json:"method"`
	Name           string    `json:"name,omitempty"`
	// Amount is the price before discounts.
	Amount   Money  `json:"amount"`
	TaxClass string `json:"tax_class,omitempty"`
	// Money explains what it costs; nil where that is just the amount.
	Money *Breakdown `json:"money,omitempty"`
}

// ShippingShare is what a shipment carries of a shipping line.
type ShippingShare struct {
	ShippingLineID uuid.UUID  `json:"shipping_line_id"`
	Amount         Money      `json:"amount"`
	Money          *Breakdown `json:"money,omitempty"`
}

// Discount is a discount as it was meant, and what it came to when the order was placed.
type Discount struct {
	Target DiscountTarget `json:"target"`
	// LineIDs are the lines that a discount on lines is for.
	LineIDs    []uuid.UUID `json:"line_ids,omitempty"`
	Percentage string      `json:"percentage,omitempty"`
	Amount     *Money      `json:"amount,omitempty"`
	Code       string      `json:"code,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	Total      Money       `json:"total"`
}

// Totals explain an order's total. What is nil is zero.
type Totals struct {
	// Subtotal is the price of the items, and Shipping that of the shipping lines, before discounts.
	Subtotal Money  `json:"subtotal"`
	Discount *Money `json:"discount,omitempty"`
	Shipping *Money `json:"shipping,omitempty"`
	// Tax is all taxes; TaxIncluded is what of them the prices contain.
	Tax         *Money `json:"tax,omitempty"`
	TaxIncluded *Money `json:"tax_included,omitempty"`
	Total       Money  `json:"total"`
}
