package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// OrderQuery chooses orders. The zero value chooses all, the newest first.
type OrderQuery struct {
	CustomerID    string
	Status        OrderStatus
	PaymentStatus PaymentStatus
	// SKU chooses orders with a line of it.
	SKU string
	// Attention chooses orders that wait for a person, because of a cause or of [AttentionAny].
	Attention AttentionCause
	// Settled chooses orders that are settled, or those that are not; nil chooses both.
	Settled *bool
	// FulfillmentStatus, ExternalReference and Channel are as orders have them; Tag is one of their tags.
	FulfillmentStatus FulfillmentStatus
	ExternalReference string
	Channel           string
	Tag               string
	// OrderNumber is how the orders' numbers begin, in upper or lower case.
	OrderNumber string
	// CreatedFrom and CreatedTo choose orders placed at or after the one, and before the other; zero times don't
	// choose.
	CreatedFrom, CreatedTo time.Time
	// UpdatedSince chooses orders that have changed at this time or later.
	UpdatedSince time.Time
	// Currency chooses orders in one currency. It is required with TotalMin, TotalMax and a Sort by total.
	Currency           string
	TotalMin, TotalMax string
	// Sort is [NewestFirst] when it is empty.
	Sort Sort
	// Cursor is the [OrderPage.NextCursor] of the page before.
	Cursor string
	// Limit is how many orders a page has at most, up to 100; 0 is 20.
	Limit int
	// Addresses shows the orders' addresses.
	Addresses bool
}

// Sort is an order of orders.
type Sort string

// How orders can be sorted.
const (
	OldestFirst   Sort = "created_at"
	NewestFirst   Sort = "-created_at"
	SmallestFirst Sort = "total"
	LargestFirst  Sort = "-total"
	// LongestUnchanged is for those who follow changes, with [OrderQuery.UpdatedSince].
	LongestUnchanged Sort = "updated_at"
	LastChangedFirst Sort = "-updated_at"
)

// OrderPage is a page of orders.
type OrderPage struct {
	Orders []Order `json:"orders"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListOrders shows one page of orders. [Client.Orders] goes through all pages.
func (c *Client) ListOrders(ctx context.Context, q OrderQuery, options ...CallOption) (OrderPage, error) {
	var page OrderPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q OrderQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, ordersPath, nil, options)
	r.set("customer_id", q.CustomerID)
	r.set("status", string(q.Status))
	r.set("payment_status", string(q.PaymentStatus))
	r.set("sku", q.SKU)
	r.set("attention", string(q.Attention))
	if q.Settled != nil {
		r.set("settled", strconv.FormatBool(*q.Settled))
	}
	r.set("order_number", q.OrderNumber)
	r.set("fulfillment_status", string(q.FulfillmentStatus))
	r.set("external_reference", q.ExternalReference)
	r.set("channel", q.Channel)
	r.set("tag", q.Tag)
	r.set("updated_since", timeText(q.UpdatedSince))
	r.set("created_from", timeText(q.CreatedFrom))
	r.set("created_to", timeText(q.CreatedTo))
	r.set("currency", q.Currency)
	r.set("total_min", q.TotalMin)
	r.set("total_max", q.TotalMax)
	r.set("sort", string(q.Sort))
	setPage(r, q.Cursor, q.Limit)
	if q.Addresses {
		r.set("expand[]", "shipping_address")
	}
	return r
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// OrderSearch is the request of [Client.SearchOrders]. The zero value finds all orders, the newest first. Fields are as
// in [OrderQuery], but Email, Phone and Expand.
type OrderSearch struct {
	// Email and Phone choose orders by their recipient, in any spelling. A phone number has its country's code.
	Email             string            `json:"email,omitempty"`
	Phone             string            `json:"phone,omitempty"`
	CustomerID        string            `json:"customer_id,omitempty"`
	Status            OrderStatus       `json:"status,omitempty"`
	PaymentStatus     PaymentStatus     `json:"payment_status,omitempty"`
	FulfillmentStatus FulfillmentStatus `json:"fulfillment_status,omitempty"`
	ExternalReference string            `json:"external_reference,omitempty"`
	Channel           string            `json:"channel,omitempty"`
	Tag               string            `json:"tag,omitempty"`
	SKU               string            `json:"sku,omitempty"`
	Attention         AttentionCause    `json:"attention,omitempty"`
	Settled           *bool             `json:"settled,omitempty"`
	OrderNumber       string            `json:"order_number,omitempty"`
	CreatedFrom       time.Time         `json:"created_from,omitzero"`
	CreatedTo         time.Time         `json:"created_to,omitzero"`
	UpdatedSince      time.Time         `json:"updated_since,omitzero"`
	Currency          string            `json:"currency,omitempty"`
	TotalMin          string            `json:"total_min,omitempty"`
	TotalMax          string            `json:"total_max,omitempty"`
	Sort              Sort              `json:"sort,omitempty"`
	Cursor            string            `json:"cursor,omitempty"`
	Limit             int               `json:"limit,omitempty"`
	// Expand is [ExpandRecipient] to show recipients and addresses, or empty.
	Expand []string `json:"expand,omitempty"`
}

// ExpandRecipient shows recipients, addresses and notes in [OrderSearch].
const ExpandRecipient = "shipping_address"

// SearchOrders shows one page of orders. Unlike [Client.ListOrders] it finds them by email address and phone number,
// which no proxy logs. Errors: contacts_unindexed where the platform has no index of them.
func (c *Client) SearchOrders(ctx context.Context, s OrderSearch, options ...CallOption) (OrderPage, error) {
	var page OrderPage
	_, err := c.sendRequest(ctx, newRequest(http.MethodPost, ordersPath+"/search", s, options), into(&page))
	return page, err
}

// Orders goes through all orders that q chooses, page by page. It ends after the first error. The pages are stable
// under new orders. For all orders of a long time, [Client.ExportOrders] is one request.
func (c *Client) Orders(ctx context.Context, q OrderQuery, options ...CallOption) iter.Seq2[Order, error] {
	return pages(q.Cursor, func(cursor string) ([]Order, string, error) {
		q.Cursor = cursor
		page, err := c.ListOrders(ctx, q, options...)
		return page.Orders, page.NextCursor, err
	})
}

// SearchedOrders is [Client.Orders] for a [Client.SearchOrders].
func (c *Client) SearchedOrders(ctx context.Context, s OrderSearch, options ...CallOption) iter.Seq2[Order, error] {
	return pages(s.Cursor, func(cursor string) ([]Order, string, error) {
		s.Cursor = cursor
		page, err := c.SearchOrders(ctx, s, options...)
		return page.Orders, page.NextCursor, err
	})
}

// errSameCursor ends what would go on for ever.
var errSameCursor = errors.New("the answer goes on where it has begun: its cursor is that of the request")

// pages goes through a list from a cursor on, page by page, until a page has no cursor of a next one. It ends after the
// first error.
func pages[T any](cursor string, read func(cursor string) (page []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for at := cursor; ; {
			page, next, err := read(at)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, one := range page {
				if !yield(one, nil) {
					return
				}
			}
			switch next {
			case "":
				return
			case at:
				yield(*new(T), errSameCursor)
				return
			}
			at = next
		}
	}
}
