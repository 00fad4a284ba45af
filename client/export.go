package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
)

// List chooses what an export has. It is an [OrderQuery], [PaymentQuery], [RefundQuery], [ReturnQuery],
// [ShipmentQuery], [InvoiceQuery], [StockQuery], [AttentionQuery], [AuditQuery] or a [NamedList]. An export has all of
// it: cursors and limits are left out.
type List interface {
	list(options []CallOption) *request
}

// NamedList is a list by its name, for those who do not know it beforehand.
type NamedList struct {
	// Name is the end of its path, such as "orders".
	Name string
	// Parameters are those of the operation in the document, such as "status".
	Parameters url.Values
}

func (l NamedList) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/"+url.PathEscape(l.Name), nil, options)
	for name, values := range l.Parameters {
		for _, value := range values {
			r.set(name, value)
		}
	}
	return r
}

// ExportFormat is how an export is written.
type ExportFormat string

const (
	// Lines is one JSON object a line.
	Lines ExportFormat = linesMedia
	// Table is comma-separated values with a head. Spreadsheets don't take its texts for formulas.
	Table ExportFormat = "text/csv"
)

// Export writes all of a list to out, as the API writes it. A request that is refused for a passing reason is made
// again before anything was written. Error: [ErrCutOff] for an export that has ended too early, such as with the
// process that wrote it. It is not taken up again: what was written is the beginning of the list.
func (c *Client) Export(ctx context.Context, what List, format ExportFormat, out io.Writer, options ...CallOption) error {
	body, err := c.openExport(ctx, what, format, options)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	sink := &sink{out: out}
	if _, err = io.Copy(sink, body); err != nil && sink.err == nil {
		err = cutOff(ctx, err)
	}
	return err
}

// sink remembers that a writer has failed, which tells that from a reader that has.
type sink struct {
	out io.Writer
	err error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.out.Write(b)
	s.err = err
	return n, err
}

// openExport begins an export, once more while that fails for a passing reason.
func (c *Client) openExport(ctx context.Context, what List, format ExportFormat, options []CallOption) (io.ReadCloser, error) {
	r := what.list(options)
	r.accept = string(format)
	r.query.Del("cursor")
	r.query.Del("limit")
	endless := *c.http
	endless.Timeout = 0
	for attempt := 1; ; attempt++ {
		response, err := c.send(ctx, &endless, r, nil)
		if err == nil && response.StatusCode == http.StatusOK {
			if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); media != string(format) {
				_ = response.Body.Close()
				return nil, fmt.Errorf("export %s: the answer is %q instead of %s", r.path, media, format)
			}
			return response.Body, nil
		}
		if err == nil {
			content, _ := readBody(response) // what is there tells enough
			_ = response.Body.Close()
			err = problemOf(response, content)
		}
		wait, again := c.retry.next(attempt, err)
		if !again || !pause(ctx, wait) {
			return nil, fmt.Errorf("export %s: %w", r.path, withEnd(ctx, err))
		}
	}
}

func cutOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &lostError{errors.Join(ErrCutOff, err)}
}

// ExportOrders goes through all orders that q chooses, as one answer. It ends after the first error: see
// [Client.Export].
func (c *Client) ExportOrders(ctx context.Context, q OrderQuery, options ...CallOption) iter.Seq2[Order, error] {
	return exported[Order](ctx, c, q, options)
}

// ExportPayments is [Client.ExportOrders] for payments.
func (c *Client) ExportPayments(ctx context.Context, q PaymentQuery, options ...CallOption) iter.Seq2[ListedPayment, error] {
	return exported[ListedPayment](ctx, c, q, options)
}

// ExportRefunds is [Client.ExportOrders] for refunds.
func (c *Client) ExportRefunds(ctx context.Context, q RefundQuery, options ...CallOption) iter.Seq2[ListedRefund, error] {
	return exported[ListedRefund](ctx, c, q, options)
}

// ExportReturns is [Client.ExportOrders] for returns.
func (c *Client) ExportReturns(ctx context.Context, q ReturnQuery, options ...CallOption) iter.Seq2[ListedReturn, error] {
	return exported[ListedReturn](ctx, c, q, options)
}

// ExportShipments is [Client.ExportOrders] for shipments.
func (c *Client) ExportShipments(ctx context.Context, q ShipmentQuery, options ...CallOption) iter.Seq2[ListedShipment, error] {
	return exported[ListedShipment](ctx, c, q, options)
}

// ExportInvoices is [Client.ExportOrders] for invoices and credit notes.
func (c *Client) ExportInvoices(ctx context.Context, q InvoiceQuery, options ...CallOption) iter.Seq2[Invoice, error] {
	return exported[Invoice](ctx, c, q, options)
}

// ExportStock is [Client.ExportOrders] for stock levels.
func (c *Client) ExportStock(ctx context.Context, q StockQuery, options ...CallOption) iter.Seq2[ListedStock, error] {
	return exported[ListedStock](ctx, c, q, options)
}

// ExportAttention is [Client.ExportOrders] for what waits for a person.
func (c *Client) ExportAttention(ctx context.Context, q AttentionQuery, options ...CallOption) iter.Seq2[Waiting, error] {
	return exported[Waiting](ctx, c, q, options)
}

// ExportAudit is [Client.ExportOrders] for the audit.
func (c *Client) ExportAudit(ctx context.Context, q AuditQuery, options ...CallOption) iter.Seq2[AuditEntry, error] {
	return exported[AuditEntry](ctx, c, q, options)
}

// exported goes through the lines of an export.
func exported[T any](ctx context.Context, c *Client, what List, options []CallOption) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		body, err := c.openExport(ctx, what, Lines, options)
		if err != nil {
			yield(*new(T), err)
			return
		}
		defer func() { _ = body.Close() }()
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, streamLineBytesMax)
		for lines.Scan() {
			var one T
			if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
				if broken := lines.Err(); broken != nil { // in the middle of the line
					err = cutOff(ctx, broken)
				}
				yield(one, fmt.Errorf("read a line of the export: %w", err))
				return
			}
			if !yield(one, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(*new(T), cutOff(ctx, err))
		}
	}
}
