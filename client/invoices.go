package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// InvoiceKind is what a document is.
type InvoiceKind string

// The kinds of documents.
const (
	KindInvoice    InvoiceKind = "invoice"
	KindCreditNote InvoiceKind = "credit_note"
)

// Invoice is an invoice of a capture, or a credit note of a refund. Once it has a number it never changes.
type Invoice struct {
	Number string      `json:"number"`
	Kind   InvoiceKind `json:"kind"`
	// Date is the date of issue, such as 2026-11-27.
	Date        string    `json:"date"`
	Channel     string    `json:"channel,omitempty"`
	OrderID     uuid.UUID `json:"order_id"`
	OrderNumber string    `json:"order_number"`
	CustomerID  string    `json:"customer_id"`
	// ShipmentID is the shipment whose money was captured; nil for money that was captured elsewhere.
	ShipmentID *uuid.UUID `json:"shipment_id,omitempty"`
	// RefundID and Reason are of a credit note.
	RefundID *uuid.UUID `json:"refund_id,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	PaidAt   time.Time  `json:"paid_at"`
	// Reversal is true of a credit note that takes another one back: its amounts are negative.
	Reversal bool `json:"reversal,omitempty"`
	// Corrects are the numbers of the documents that it amends.
	Corrects []string      `json:"corrects,omitempty"`
	Lines    []InvoiceLine `json:"lines"`
	Taxes    []InvoiceTax  `json:"taxes"`
	Totals   InvoiceTotals `json:"totals"`
	// Recipient and the addresses are nil in a list, and once the customer is erased.
	Recipient       *Recipient      `json:"recipient,omitempty"`
	ShippingAddress *Address        `json:"shipping_address,omitempty"`
	BillingAddress  *BillingAddress `json:"billing_address,omitempty"`
	Erased          bool            `json:"erased,omitempty"`
}

// InvoiceLine is what a document is about of one line or shipping line of the order.
type InvoiceLine struct {
	// Kind is line, shipping or unassigned.
	Kind string `json:"kind"`
	// Invoice is the number of the invoice that a line of a credit note amends.
	Invoice    string     `json:"invoice,omitempty"`
	ShipmentID *uuid.UUID `json:"shipment_id,omitempty"`
	LineID     *uuid.UUID `json:"line_id,omitempty"`
	// SKU is that of the line, or the method of shipping.
	SKU       string `json:"sku,omitempty"`
	Name      string `json:"name,omitempty"`
	Quantity  int    `json:"quantity,omitempty"`
	UnitPrice *Money `json:"unit_price,omitempty"`
	// Gross less Discount is Net, which contains the included taxes. Total is what is paid.
	Gross    Money `json:"gross"`
	Discount Money `json:"discount"`
	Net      Money `json:"net"`
	Taxes    []Tax `json:"taxes,omitempty"`
	Total    Money `json:"total"`
}

// InvoiceTax is one tax at one rate over all lines. What has no tax has no name.
type InvoiceTax struct {
	Name    string `json:"name,omitempty"`
	Rate    string `json:"rate,omitempty"`
	Taxable Money  `json:"taxable"`
	Tax     Money  `json:"tax"`
}

// InvoiceTotals are the sums of the lines.
type InvoiceTotals struct {
	Gross    Money `json:"gross"`
	Discount Money `json:"discount"`
	Net      Money `json:"net"`
	Tax      Money `json:"tax"`
	Total    Money `json:"total"`
}

// InvoiceQuery chooses invoices and credit notes. The zero value chooses all, the newest first.
type InvoiceQuery struct {
	Kind       InvoiceKind
	Channel    string
	OrderID    uuid.UUID
	CustomerID string
	// Number is how numbers begin.
	Number string
	// IssuedFrom and IssuedTo are dates such as 2026-11-27: those from the one on, and before the other.
	IssuedFrom, IssuedTo string
	// Cursor is the NextCursor of the page before.
	Cursor string
	// Limit is how many a page has at most, up to 100; 0 is 20.
	Limit int
}

// InvoicePage is a page of invoices and credit notes.
type InvoicePage struct {
	Invoices []Invoice `json:"invoices"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListInvoices shows one page of invoices and credit notes, without their recipients. [Client.Invoices] goes through
// all pages.
func (c *Client) ListInvoices(ctx context.Context, q InvoiceQuery, options ...CallOption) (InvoicePage, error) {
	var page InvoicePage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q InvoiceQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/invoices", nil, options)
	r.set("kind", string(q.Kind))
	r.set("channel", q.Channel)
	if q.OrderID != uuid.Nil {
		r.set("order_id", q.OrderID.String())
	}
	r.set("customer_id", q.CustomerID)
	r.set("number", q.Number)
	r.set("issued_from", q.IssuedFrom)
	r.set("issued_to", q.IssuedTo)
	setPage(r, q.Cursor, q.Limit)
	return r
}

// Invoices goes through all invoices and credit notes that q chooses, page by page. It ends after the first error.
func (c *Client) Invoices(ctx context.Context, q InvoiceQuery, options ...CallOption) iter.Seq2[Invoice, error] {
	return pages(q.Cursor, func(cursor string) ([]Invoice, string, error) {
		q.Cursor = cursor
		page, err := c.ListInvoices(ctx, q, options...)
		return page.Invoices, page.NextCursor, err
	})
}

// GetInvoices shows all invoices and credit notes of an order, the oldest first. It may be empty: a document is there a
// moment after its money has moved.
func (c *Client) GetInvoices(ctx context.Context, orderID uuid.UUID, options ...CallOption) ([]Invoice, error) {
	var page InvoicePage
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, orderPath(orderID)+"/invoices", nil, options), into(&page))
	return page.Invoices, err
}

// GetInvoice shows the invoice or credit note with this number.
func (c *Client) GetInvoice(ctx context.Context, number string, options ...CallOption) (Invoice, error) {
	var one Invoice
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, "/api/v1/invoices/"+url.PathEscape(number), nil, options), into(&one))
	return one, err
}
