package readmodel

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/invoice"
)

// Invoice is an invoice or a credit note as it was written.
type Invoice struct {
	Number string
	// JSON is the document without its recipient, and Personal seals a [order.Recipient].
	JSON     json.RawMessage
	Personal domain.Sealed

	sequence int64
}

// InvoiceQuery asks for a page of invoices and credit notes, the newest first. The zero value asks for the first
// [PageSizeDefault].
type InvoiceQuery struct {
	Kind string
	// Channel is as numbers tell it: [invoice.ChannelDefault] is of orders without a channel too.
	Channel    string
	OrderID    uuid.UUID
	CustomerID string
	// Number is the beginning of numbers, such as a series.
	Number string
	// From and To are dates of issue, such as 2026-11-27: from this day on, and before that one. Empty for any.
	From, To string
	// Cursor is the NextCursor of the page before; empty for the first page.
	Cursor string
	// Limit is from 1 to [PageSizeMax]; 0 is [PageSizeDefault].
	Limit int
}

// InvoicePage is a page of invoices.
type InvoicePage struct {
	Invoices []Invoice
	// NextCursor is empty on the last page.
	NextCursor string
}

const invoiceColumns = `SELECT i.number, i.content, i.personal, i.sequence FROM orderloom.invoices i`

// Invoice returns the invoice or credit note with this number. Errors: not_found.
func (r *Reader) Invoice(ctx context.Context, number string) (Invoice, error) {
	rows, err := r.pool.Query(ctx, invoiceColumns+` WHERE i.number = $1`, number)
	if err != nil {
		return Invoice{}, fmt.Errorf("read an invoice: %w", err)
	}
	one, err := pgx.CollectExactlyOneRow(rows, scanInvoice)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Invoice{}, domain.Refuse(domain.CodeNotFound, "no invoice has the number %s", domain.Clip(number))
	case err != nil:
		return Invoice{}, fmt.Errorf("read an invoice: %w", err)
	}
	return one, nil
}

// InvoicesOf returns all invoices and credit notes of an order, the oldest first.
func (r *Reader) InvoicesOf(ctx context.Context, orderID uuid.UUID) ([]Invoice, error) {
	rows, err := r.pool.Query(ctx, invoiceColumns+` WHERE i.order_id = $1 ORDER BY i.sequence`, orderID)
	if err != nil {
		return nil, fmt.Errorf("read the invoices of order %s: %w", orderID, err)
	}
	all, err := pgx.CollectRows(rows, scanInvoice)
	if err != nil {
		return nil, fmt.Errorf("read the invoices of order %s: %w", orderID, err)
	}
	return all, nil
}

// Invoices returns a page of invoices and credit notes. Errors: [domain.Invalids] for a query that makes no sense,
// among them a cursor of another list.
func (r *Reader) Invoices(ctx context.Context, q InvoiceQuery) (InvoicePage, error) {
	sql, args, limit, err := q.statement()
	if err != nil {
		return InvoicePage{}, err
	}
	rows, err := r.pool.Query(ctx, sql, args...)
	if err != nil {
		return InvoicePage{}, fmt.Errorf("list invoices: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanInvoice)
	if err != nil {
		return InvoicePage{}, fmt.Errorf("list invoices: %w", err)
	}
	page := InvoicePage{Invoices: all}
	if len(all) > limit {
		page.Invoices = all[:limit]
		page.NextCursor = q.cursorAfter(all[limit-1].sequence)
	}
	return page, nil
}

func scanInvoice(row pgx.CollectableRow) (i Invoice, err error) {
	var content, personal []byte
	if err := row.Scan(&i.Number, &content, &personal, &i.sequence); err != nil {
		return i, err
	}
	i.JSON = content
	if err := json.Unmarshal(personal, &i.Personal); err != nil {
		return i, fmt.Errorf("%w: %w", ErrUnreadableRow, err)
	}
	return i, nil
}

// statement returns the SQL of a query, which reads one row more than the page holds.
func (q InvoiceQuery) statement() (sql string, args []any, limit int, err error) {
	var bad domain.Invalids
	limit = pageLimit(&bad, q.Limit)
	after := q.decodeCursor(&bad)
	if err := bad.Err(); err != nil {
		return "", nil, 0, err
	}
	var chosen conditions
	chosen.add("true")
	for _, c := range []struct{ condition, value string }{
		{"i.kind = ?", q.Kind},
		{"i.customer_id = ?", q.CustomerID},
		{"starts_with(i.number, ?)", q.Number},
		{"i.issued_on >= ?::text::date", q.From},
		{"i.issued_on < ?::text::date", q.To},
	} {
		if c.value != "" {
			chosen.add(c.condition, c.value)
		}
	}
	switch q.Channel {
	case "":
	case invoice.ChannelDefault:
		chosen.add("i.channel = ANY(?::text[])", []string{"", q.Channel})
	default:
		chosen.add("i.channel = ?", q.Channel)
	}
	if q.OrderID != uuid.Nil {
		chosen.add("i.order_id = ?", q.OrderID)
	}
	if after > 0 {
		chosen.add("i.sequence < ?", after)
	}
	most := chosen.argument(limit + 1)
	return fmt.Sprintf("%s WHERE %s ORDER BY i.sequence DESC LIMIT %s", invoiceColumns, &chosen, most), chosen.args, limit, nil
}

// fingerprint tells one list from another: all of the query but the page.
func (q InvoiceQuery) fingerprint() string {
	text := fmt.Sprintf("%q %q %s %q %q %q %q", q.Kind, q.Channel, q.OrderID, q.CustomerID, q.Number, q.From, q.To)
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// invoiceCursor is where the next page of invoices begins, and of which list.
type invoiceCursor struct {
	Sequence int64  `json:"s"`
	Query    string `json:"q"`
}

func (q InvoiceQuery) cursorAfter(sequence int64) string {
	return writeCursor(invoiceCursor{Sequence: sequence, Query: q.fingerprint()})
}

// decodeCursor returns 0 for the first page.
func (q InvoiceQuery) decodeCursor(bad *domain.Invalids) int64 {
	if q.Cursor == "" {
		return 0
	}
	c, err := readCursor[invoiceCursor](q.Cursor)
	switch {
	case err != nil || c.Sequence <= 0:
		bad.Add("cursor", "is not one that a list has returned")
	case c.Query != q.fingerprint():
		bad.Add("cursor", "belongs to a list with other filters")
	}
	return c.Sequence
}
