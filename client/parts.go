package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// PartQuery chooses payments, refunds, returns or shipments by their orders. The zero value chooses all, those of the
// newest orders first.
type PartQuery struct {
	OrderID    uuid.UUID
	CustomerID string
	// CreatedFrom and CreatedTo choose those of orders placed at or after the one, and before the other; UpdatedSince
	// those of orders that have changed at this time or later. Zero times don't choose.
	CreatedFrom, CreatedTo, UpdatedSince time.Time
	// Cursor is the NextCursor of the page before.
	Cursor string
	// Limit is how many a page has at most, up to 100; 0 is 20.
	Limit int
}

func (q PartQuery) set(r *request) {
	if q.OrderID != uuid.Nil {
		r.set("order_id", q.OrderID.String())
	}
	r.set("customer_id", q.CustomerID)
	r.set("created_from", timeText(q.CreatedFrom))
	r.set("created_to", timeText(q.CreatedTo))
	r.set("updated_since", timeText(q.UpdatedSince))
	setPage(r, q.Cursor, q.Limit)
}

// PartOf is the order that a listed part belongs to.
type PartOf struct {
	OrderID     uuid.UUID `json:"order_id"`
	OrderNumber string    `json:"order_number"`
	CustomerID  string    `json:"customer_id"`
	// OrderedAt is when the order was placed.
	OrderedAt time.Time `json:"ordered_at"`
}

// Payment is the payment of an order.
type Payment struct {
	PaymentID  uuid.UUID     `json:"payment_id"`
	Status     PaymentStatus `json:"status"`
	Authorized Money         `json:"authorized"`
	Captured   Money         `json:"captured"`
	Refunded   Money         `json:"refunded"`
	// GatewayRef is how the gateway calls the authorisation.
	GatewayRef string `json:"gateway_ref,omitempty"`
	// ExpiresAt is when the authorisation ends; nil for none.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// PaymentQuery chooses payments.
type PaymentQuery struct {
	PartQuery
	Status PaymentStatus
}

// ListedPayment is a payment in a list.
type ListedPayment struct {
	PartOf
	Payment Payment `json:"payment"`
}

// PaymentPage is a page of payments.
type PaymentPage struct {
	Payments []ListedPayment `json:"payments"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListPayments shows one page of payments. [Client.Payments] goes through all pages.
func (c *Client) ListPayments(ctx context.Context, q PaymentQuery, options ...CallOption) (PaymentPage, error) {
	var page PaymentPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q PaymentQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/payments", nil, options)
	q.set(r)
	r.set("status", string(q.Status))
	return r
}

// Payments goes through all payments that q chooses, page by page. It ends after the first error.
func (c *Client) Payments(ctx context.Context, q PaymentQuery, options ...CallOption) iter.Seq2[ListedPayment, error] {
	return pages(q.Cursor, func(cursor string) ([]ListedPayment, string, error) {
		q.Cursor = cursor
		page, err := c.ListPayments(ctx, q, options...)
		return page.Payments, page.NextCursor, err
	})
}

// RefundQuery chooses refunds.
type RefundQuery struct {
	PartQuery
	Status RefundStatus
}

// ListedRefund is a refund in a list.
type ListedRefund struct {
	PartOf
	Refund Refund `json:"refund"`
}

// RefundPage is a page of refunds.
type RefundPage struct {
	Refunds []ListedRefund `json:"refunds"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListRefunds shows one page of refunds. [Client.Refunds] goes through all pages.
func (c *Client) ListRefunds(ctx context.Context, q RefundQuery, options ...CallOption) (RefundPage, error) {
	var page RefundPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q RefundQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/refunds", nil, options)
	q.set(r)
	r.set("status", string(q.Status))
	return r
}

// Refunds goes through all refunds that q chooses, page by page. It ends after the first error.
func (c *Client) Refunds(ctx context.Context, q RefundQuery, options ...CallOption) iter.Seq2[ListedRefund, error] {
	return pages(q.Cursor, func(cursor string) ([]ListedRefund, string, error) {
		q.Cursor = cursor
		page, err := c.ListRefunds(ctx, q, options...)
		return page.Refunds, page.NextCursor, err
	})
}

// ListedReturn is a return in a list.
type ListedReturn struct {
	PartOf
	Return Return `json:"return"`
}

// ReturnPage is a page of returns.
type ReturnPage struct {
	Returns []ListedReturn `json:"returns"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ReturnQuery chooses returns.
type ReturnQuery struct {
	PartQuery
	Status ReturnStatus
}

// ListReturns shows one page of returns. [Client.Returns] goes through all pages.
func (c *Client) ListReturns(ctx context.Context, q ReturnQuery, options ...CallOption) (ReturnPage, error) {
	var page ReturnPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q ReturnQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/returns", nil, options)
	q.set(r)
	r.set("status", string(q.Status))
	return r
}

// Returns goes through all returns that q chooses, page by page. It ends after the first error.
func (c *Client) Returns(ctx context.Context, q ReturnQuery, options ...CallOption) iter.Seq2[ListedReturn, error] {
	return pages(q.Cursor, func(cursor string) ([]ListedReturn, string, error) {
		q.Cursor = cursor
		page, err := c.ListReturns(ctx, q, options...)
		return page.Returns, page.NextCursor, err
	})
}

// ShipmentQuery chooses shipments.
type ShipmentQuery struct {
	PartQuery
	Status ShipmentStatus
	// Location is where they leave from.
	Location string
}

// ListedShipment is a shipment in a list.
type ListedShipment struct {
	PartOf
	Shipment Shipment `json:"shipment"`
}

// ShipmentPage is a page of shipments.
type ShipmentPage struct {
	Shipments []ListedShipment `json:"shipments"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListShipments shows one page of shipments. [Client.Shipments] goes through all pages.
func (c *Client) ListShipments(ctx context.Context, q ShipmentQuery, options ...CallOption) (ShipmentPage, error) {
	var page ShipmentPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q ShipmentQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/shipments", nil, options)
	q.set(r)
	r.set("status", string(q.Status))
	r.set("location", q.Location)
	return r
}

// Shipments goes through all shipments that q chooses, page by page. It ends after the first error.
func (c *Client) Shipments(ctx context.Context, q ShipmentQuery, options ...CallOption) iter.Seq2[ListedShipment, error] {
	return pages(q.Cursor, func(cursor string) ([]ListedShipment, string, error) {
		q.Cursor = cursor
		page, err := c.ListShipments(ctx, q, options...)
		return page.Shipments, page.NextCursor, err
	})
}

// StockQuery chooses stock levels. The zero value chooses all.
type StockQuery struct {
	SKU, Location string
	// Backordered chooses the SKUs that orders wait for.
	Backordered bool
	// Cursor is the [StockPage.NextCursor] of the page before.
	Cursor string
	// Limit is how many a page has at most, up to 100; 0 is 20.
	Limit int
}

// ListedStock is a SKU at a location, or the orders that wait for a SKU: they have no location.
type ListedStock struct {
	SKU       string `json:"sku"`
	Location  string `json:"location,omitempty"`
	OnHand    int    `json:"on_hand"`
	Reserved  int    `json:"reserved"`
	Available int    `json:"available"`
	// Backordered is the pieces that orders wait for.
	Backordered int       `json:"backordered,omitempty"`
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version"`
}

// StockPage is a page of stock levels, sorted by SKU and location.
type StockPage struct {
	Stock []ListedStock `json:"stock"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListStock shows one page of stock levels. [Client.Stock] goes through all pages.
func (c *Client) ListStock(ctx context.Context, q StockQuery, options ...CallOption) (StockPage, error) {
	var page StockPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q StockQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/stock", nil, options)
	r.set("sku", q.SKU)
	r.set("location", q.Location)
	if q.Backordered {
		r.set("backordered", "true")
	}
	setPage(r, q.Cursor, q.Limit)
	return r
}

// Stock goes through all stock levels that q chooses, page by page. It ends after the first error.
func (c *Client) Stock(ctx context.Context, q StockQuery, options ...CallOption) iter.Seq2[ListedStock, error] {
	return pages(q.Cursor, func(cursor string) ([]ListedStock, string, error) {
		q.Cursor = cursor
		page, err := c.ListStock(ctx, q, options...)
		return page.Stock, page.NextCursor, err
	})
}

// CustomerTotals are what a customer's orders come to in one currency.
type CustomerTotals struct {
	Currency  string `json:"currency"`
	Orders    int    `json:"orders"`
	Cancelled int    `json:"cancelled"`
	Delivered int    `json:"delivered"`
	// Ordered is what was ordered and not cancelled.
	Ordered Money `json:"ordered"`
	// Net is what was captured less what was refunded.
	Captured Money `json:"captured"`
	Refunded Money `json:"refunded"`
	Net      Money `json:"net"`
	// Owed, Disputed and DisputesLost are as in [CustomerSummary].
	Owed         Money     `json:"owed"`
	Disputed     Money     `json:"disputed"`
	DisputesLost Money     `json:"disputes_lost"`
	FirstOrderAt time.Time `json:"first_order_at"`
	LastOrderAt  time.Time `json:"last_order_at"`
}

// Customer is what a customer's orders come to, in each currency.
type Customer struct {
	CustomerID string           `json:"customer_id"`
	Orders     int              `json:"orders"`
	Totals     []CustomerTotals `json:"totals"`
}
