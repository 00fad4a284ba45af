package client

import (
	"context"
	"net/http"

	"github.com/google/uuid"
)

// When the new order of an exchange leaves.
const (
	ShipNow = "now"
	// ShipOnReceipt holds the new order until the goods are there that pay for it.
	ShipOnReceipt = "on_receipt"
)

// ExchangeGoods is the request of [Client.ExchangeGoods].
type ExchangeGoods struct {
	Lines  []ReturnLine `json:"lines"`
	Reason string       `json:"reason"`
	// By is as in [Review].
	By string `json:"by,omitempty"`
	// Ship is [ShipNow] or [ShipOnReceipt]; empty is the latter.
	Ship  string           `json:"ship,omitempty"`
	Order NewExchangeOrder `json:"order"`
}

// NewExchangeOrder is what goes out: to the same recipient, in the same currency.
type NewExchangeOrder struct {
	Items []NewItem `json:"items"`
	// PricesIncludeTax is as in [NewOrder], and so are the lines of shipping, discounts and the rounding.
	PricesIncludeTax bool              `json:"prices_include_tax,omitempty"`
	ShippingLines    []NewShippingLine `json:"shipping_lines,omitempty"`
	Discounts        []NewDiscount     `json:"discounts,omitempty"`
	Rounding         *Rounding         `json:"rounding,omitempty"`
	// PaymentToken pays for what is due. Without it, the one is used again that the customer has agreed to.
	PaymentToken      string `json:"payment_token,omitempty"`
	KeepPaymentMethod bool   `json:"keep_payment_method,omitempty"`
	// AllowBackorder lets the new order wait for goods that are not there. Else the exchange is refused without them.
	AllowBackorder    bool              `json:"allow_backorder,omitempty"`
	ExternalReference string            `json:"external_reference,omitempty"`
	Channel           string            `json:"channel,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	Tags              []string          `json:"tags,omitempty"`
}

// Exchanged is the answer to [Client.ExchangeGoods].
type Exchanged struct {
	// OrderID is the order whose goods come back, by this return.
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// NewOrderID is the order that they pay for, and Total what it costs.
	NewOrderID     uuid.UUID `json:"new_order_id"`
	NewOrderNumber string    `json:"new_order_number"`
	Total          Money     `json:"total"`
	// Pending is true while it is not known whether the new order is accepted. Replayed is true when an earlier request
	// has done it.
	Pending  bool `json:"-"`
	Replayed bool `json:"-"`
}

// ExchangePreview is what an exchange would come to.
type ExchangePreview struct {
	OrderID uuid.UUID `json:"order_id"`
	// Value is what the goods had cost, Total what the new order costs, and Credit what of it the goods pay for.
	Value  Money `json:"value"`
	Total  Money `json:"total"`
	Credit Money `json:"credit"`
	// Due is what the means of payment is asked for, and Refund what goes back once the goods are there.
	Due    Money `json:"due"`
	Refund Money `json:"refund"`
}

// ExchangeGoods sends goods back that pay for a new order. Both are recorded, or neither is. Errors: those of
// [Client.ReturnGoods] for a return that is requested; exchange_declined; payment_method_not_kept; payment_disputed.
func (c *Client) ExchangeGoods(ctx context.Context, id uuid.UUID, goods ExchangeGoods, options ...CallOption) (Exchanged, error) {
	var exchanged Exchanged
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, orderPath(id)+"/exchanges", goods, options), into(&exchanged))
	exchanged.Pending, exchanged.Replayed = a.pending(), a.replayed()
	return exchanged, err
}

// PreviewExchangeGoods tells what [Client.ExchangeGoods] would come to. Errors: those of the request itself.
func (c *Client) PreviewExchangeGoods(ctx context.Context, id uuid.UUID, goods ExchangeGoods, options ...CallOption) (ExchangePreview, error) {
	r := newRequest(http.MethodPost, orderPath(id)+"/exchanges", goods, options)
	r.set("preview", "true")
	var p ExchangePreview
	_, err := c.sendRequest(ctx, r, into(&p))
	return p, err
}

// Credit is money that one order has given to another one.
type Credit struct {
	// OrderID is the other order. Amount is negative for what this order has given.
	OrderID uuid.UUID `json:"order_id"`
	Amount  Money     `json:"amount"`
}
