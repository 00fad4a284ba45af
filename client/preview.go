package client

import (
	"context"
	"net/http"

	"github.com/google/uuid"
)

// Preview is what a request would do. Nothing is stored.
type Preview struct {
	OrderID uuid.UUID `json:"order_id"`
	// Status and Total are those of the order afterwards.
	Status OrderStatus `json:"status"`
	Total  Money       `json:"total"`
	// Amount is what the pieces have cost that are cancelled or come back, or what the refund comes to.
	Amount Money         `json:"amount"`
	Lines  []PreviewLine `json:"lines"`
	// Refund is what goes back to the customer; nil for nothing.
	Refund *Money `json:"refund,omitempty"`
}

// PreviewLine is what a request would do to pieces of a line in one shipment, or to a shipping line.
type PreviewLine struct {
	// LineID is the id of the line, or of the shipping line.
	LineID     uuid.UUID `json:"line_id"`
	ShipmentID uuid.UUID `json:"shipment_id,omitzero"`
	Quantity   int       `json:"quantity,omitempty"`
	Amount     Money     `json:"amount"`
	// Money explains the amount; nil where it is just price.
	Money *Breakdown `json:"money,omitempty"`
}

// PreviewCancelOrder tells what [Client.CancelOrder] would do. Errors: those of the request itself.
func (c *Client) PreviewCancelOrder(ctx context.Context, id uuid.UUID, cancel CancelOrder, options ...CallOption) (Preview, error) {
	return c.preview(ctx, orderPath(id)+"/cancel", cancel, options)
}

// PreviewCancelLines tells what [Client.CancelLines] would do. Errors: those of the request itself.
func (c *Client) PreviewCancelLines(ctx context.Context, id uuid.UUID, cancel CancelLines, options ...CallOption) (Preview, error) {
	return c.preview(ctx, orderPath(id)+"/lines/cancel", cancel, options)
}

// PreviewRefundPayment tells what [Client.RefundPayment] would do. Errors: those of the request itself.
func (c *Client) PreviewRefundPayment(ctx context.Context, id uuid.UUID, refund RefundPayment, options ...CallOption) (Preview, error) {
	return c.preview(ctx, orderPath(id)+"/refunds", refund, options)
}

func (c *Client) preview(ctx context.Context, path string, body any, options []CallOption) (Preview, error) {
	r := newRequest(http.MethodPost, path, body, options)
	r.set("preview", "true")
	var p Preview
	_, err := c.sendRequest(ctx, r, into(&p))
	return p, err
}

// MoneyAmounts are those of a row of [OrderMoney], or their sums.
type MoneyAmounts struct {
	Gross    Money `json:"gross"`
	Discount Money `json:"discount"`
	Tax      Money `json:"tax"`
	Payable  Money `json:"payable"`
	// Left is what was captured less what was refunded.
	Captured Money `json:"captured"`
	Refunded Money `json:"refunded"`
	Left     Money `json:"left"`
}

// MoneyShare is what a capture or a refund has moved. A capture has the id of its shipment. The id is zero for what
// others have moved at the gateway.
type MoneyShare struct {
	ID     uuid.UUID `json:"id,omitzero"`
	Amount Money     `json:"amount"`
}

// MoneyRow is what a line or shipping line costs in one shipment, and what has become of that money.
type MoneyRow struct {
	// Kind is line, shipping, or unassigned for money that is for no line.
	Kind       string         `json:"kind"`
	ShipmentID uuid.UUID      `json:"shipment_id,omitzero"`
	Status     ShipmentStatus `json:"status,omitempty"`
	// LineID is the id of the line or shipping line, and Name its SKU or method.
	LineID   uuid.UUID `json:"line_id,omitzero"`
	Name     string    `json:"name,omitempty"`
	Quantity int       `json:"quantity,omitempty"`
	MoneyAmounts
	Captures []MoneyShare `json:"captures,omitempty"`
	Refunds  []MoneyShare `json:"refunds,omitempty"`
}

// OrderMoney tells for every minor unit of an order to which line, shipment, capture and refund it belongs.
type OrderMoney struct {
	OrderID     uuid.UUID  `json:"order_id"`
	OrderNumber string     `json:"order_number"`
	Currency    string     `json:"currency"`
	Rows        []MoneyRow `json:"rows"`
	// Totals are the sums of the rows' columns.
	Totals MoneyAmounts `json:"totals"`
	// Owed is what is to go back besides.
	Owed Money `json:"owed"`
	// Credits are what this order has from others, by exchanges, and has given to them.
	Credits []Credit `json:"credits,omitempty"`
}

// GetOrderMoney shows where an order's money belongs.
func (c *Client) GetOrderMoney(ctx context.Context, id uuid.UUID, options ...CallOption) (OrderMoney, error) {
	var m OrderMoney
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, orderPath(id)+"/money", nil, options), into(&m))
	return m, err
}
