package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// Receipt is goods that arrived.
type Receipt struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	Quantity int    `json:"quantity"`
}

// ReceivedStock is the answer to [Client.ReceiveStock].
type ReceivedStock struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	Quantity  int       `json:"quantity"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// ReceiveStock records goods that arrived. They can be reserved at once; the stock levels show them a moment later.
func (c *Client) ReceiveStock(ctx context.Context, receipt Receipt, options ...CallOption) (ReceivedStock, error) {
	var received ReceivedStock
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/stock/receipts", receipt, options), into(&received))
	received.Replayed = a.replayed()
	return received, err
}

// Adjustment corrects what is on hand, such as after a count.
type Adjustment struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	// Delta is how many more, or with a minus sign fewer, there are.
	Delta  int    `json:"delta"`
	Reason string `json:"reason"`
}

// AdjustedStock is the answer to [Client.AdjustStock].
type AdjustedStock struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// AdjustStock corrects what is on hand. Errors: insufficient_stock when that would take away what is reserved for
// orders.
func (c *Client) AdjustStock(ctx context.Context, adjustment Adjustment, options ...CallOption) (AdjustedStock, error) {
	var adjusted AdjustedStock
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, "/api/v1/stock/adjustments", adjustment, options), into(&adjusted))
	adjusted.Replayed = a.replayed()
	return adjusted, err
}

// Stock is what there is of a SKU, in total and at each location.
type Stock struct {
	SKU      string `json:"sku"`
	OnHand   int    `json:"on_hand"`
	Reserved int    `json:"reserved"`
	// Available is what may still be reserved: at the active locations, and nothing while orders wait for the SKU.
	Available int `json:"available"`
	// Backordered is what is owed to orders that wait for goods, whichever location they will come from.
	Backordered int          `json:"backordered"`
	Levels      []StockLevel `json:"levels"`
}

// StockLevel is what there is of a SKU at one location.
type StockLevel struct {
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	OnHand    int       `json:"on_hand"`
	Reserved  int       `json:"reserved"`
	Available int       `json:"available"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"`
}

// GetStock shows the stock of a SKU. A SKU that was never received has none, which is no error.
func (c *Client) GetStock(ctx context.Context, sku string, options ...CallOption) (Stock, error) {
	var s Stock
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/stock/"+url.PathEscape(sku), nil, options), into(&s))
	return s, err
}

// GetCustomer shows a customer's summary. Errors: not_found when no order of the customer is counted yet.
func (c *Client) GetCustomer(ctx context.Context, id string, options ...CallOption) (CustomerSummary, error) {
	var s CustomerSummary
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/customers/"+url.PathEscape(id)+"/summary", nil, options), into(&s))
	return s, err
}

// GetCustomerTotals shows what a customer's orders come to, in each currency. Errors: not_found when no order of the
// customer is counted yet.
func (c *Client) GetCustomerTotals(ctx context.Context, id string, options ...CallOption) (Customer, error) {
	var customer Customer
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/customers/"+url.PathEscape(id), nil, options), into(&customer))
	return customer, err
}
