package client

import (
	"context"
	"net/http"
)

// OrderToPreview is a [NewOrder] of which all may be left out that decides neither on money nor on goods. Of the
// address the country is required, and the state where the country has states.
type OrderToPreview struct {
	CustomerID        string              `json:"customer_id,omitempty"`
	Currency          string              `json:"currency"`
	Items             []NewItem           `json:"items"`
	Recipient         *PreviewedRecipient `json:"recipient,omitempty"`
	ShippingAddress   Address             `json:"shipping_address"`
	BillingAddress    *BillingAddress     `json:"billing_address,omitempty"`
	CustomerNote      string              `json:"customer_note,omitempty"`
	AllowBackorder    bool                `json:"allow_backorder,omitempty"`
	KeepPaymentMethod bool                `json:"keep_payment_method,omitempty"`
	PricesIncludeTax  bool                `json:"prices_include_tax,omitempty"`
	ShippingLines     []NewShippingLine   `json:"shipping_lines,omitempty"`
	Discounts         []NewDiscount       `json:"discounts,omitempty"`
	Rounding          *Rounding           `json:"rounding,omitempty"`
	ExternalReference string              `json:"external_reference,omitempty"`
	Channel           string              `json:"channel,omitempty"`
	Metadata          map[string]string   `json:"metadata,omitempty"`
	Tags              []string            `json:"tags,omitempty"`
	PaymentToken      string              `json:"payment_token,omitempty"`
}

// PreviewedRecipient is who gets an order, as far as it is known.
type PreviewedRecipient struct {
	Name    string `json:"name,omitempty"`
	Company string `json:"company,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Email   string `json:"email,omitempty"`
}

// ToPreview returns the order as [Client.PreviewOrder] takes it.
func (o NewOrder) ToPreview() OrderToPreview {
	p := OrderToPreview{
		CustomerID: o.CustomerID, Currency: o.Currency, Items: o.Items, ShippingAddress: o.ShippingAddress, BillingAddress: o.BillingAddress,
		CustomerNote: o.CustomerNote, AllowBackorder: o.AllowBackorder, KeepPaymentMethod: o.KeepPaymentMethod, PricesIncludeTax: o.PricesIncludeTax,
		ShippingLines: o.ShippingLines, Discounts: o.Discounts, Rounding: o.Rounding, ExternalReference: o.ExternalReference, Channel: o.Channel,
		Metadata: o.Metadata, Tags: o.Tags, PaymentToken: o.PaymentToken,
	}
	if o.Recipient != nil {
		recipient := PreviewedRecipient(*o.Recipient)
		p.Recipient = &recipient
	}
	return p
}

// OrderPreview is what an order would come to. Its lines and shipping lines are named by their positions in what was
// asked, from 0.
type OrderPreview struct {
	Total         Money                 `json:"total"`
	Totals        Totals                `json:"totals"`
	Items         []ItemPreview         `json:"items"`
	ShippingLines []ShippingLinePreview `json:"shipping_lines,omitempty"`
	Discounts     []DiscountPreview     `json:"discounts,omitempty"`
	Goods         Goods                 `json:"goods"`
	// Stock is what the order wants of each SKU.
	Stock []WantedStock `json:"stock,omitempty"`
	// Shipments are those that would be made; none when the goods are out of stock.
	Shipments []ShipmentPreview `json:"shipments,omitempty"`
}

// Goods says whether the goods of an order are there.
type Goods string

// What the stock means for an order: its goods are there, it would wait for some, or it would be cancelled.
const (
	GoodsAvailable   Goods = "available"
	GoodsBackordered Goods = "backordered"
	GoodsOutOfStock  Goods = "out_of_stock"
)

// ItemPreview is what a line would cost.
type ItemPreview struct {
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	Money    Breakdown `json:"money"`
}

// ShippingLinePreview is what a shipping line would cost.
type ShippingLinePreview struct {
	Method string    `json:"method"`
	Money  Breakdown `json:"money"`
}

// DiscountPreview is what a discount would come to in all.
type DiscountPreview struct {
	Target DiscountTarget `json:"target"`
	Code   string         `json:"code,omitempty"`
	Total  Money          `json:"total"`
}

// WantedStock is how many of a SKU an order wants, and how many there are.
type WantedStock struct {
	SKU       string `json:"sku"`
	Quantity  int    `json:"quantity"`
	Available int    `json:"available"`
	// Missing is true when there are too few: the order would wait for all of them, or be cancelled.
	Missing bool `json:"missing,omitempty"`
}

// ShipmentPreview is a shipment that would be made.
type ShipmentPreview struct {
	// Location is empty for what ships nothing, and for what the order would wait for: that is Backordered.
	Location    string `json:"location,omitempty"`
	Backordered bool   `json:"backordered,omitempty"`
	// Amount is what would be captured when it leaves.
	Amount   Money                  `json:"amount"`
	Lines    []ShipmentLinePreview  `json:"lines"`
	Shipping []ShippingSharePreview `json:"shipping,omitempty"`
}

// ShipmentLinePreview is some pieces of a line in a shipment. Item is the line's position, from 0.
type ShipmentLinePreview struct {
	Item     int       `json:"item"`
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	Money    Breakdown `json:"money"`
}

// ShippingSharePreview is what a shipment would carry of a shipping line. ShippingLine is its position, from 0.
type ShippingSharePreview struct {
	ShippingLine int       `json:"shipping_line"`
	Money        Breakdown `json:"money"`
}

// PreviewOrder tells what an order would come to, which shipments would be made, and whether its goods are there.
// Nothing is stored. It may be repeated. Errors: as [Client.PlaceOrder], but for what may be left out.
func (c *Client) PreviewOrder(ctx context.Context, o OrderToPreview, options ...CallOption) (OrderPreview, error) {
	var p OrderPreview
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, ordersPath+"/preview", o, options), into(&p))
	return p, err
}
