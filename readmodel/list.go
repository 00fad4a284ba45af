package readmodel

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
)

// Sort orders of lists.
const (
	SortCreated        = "created_at"
	SortCreatedReverse = "-created_at"
	SortTotal          = "total"
	SortTotalReverse   = "-total"
	SortUpdated        = "updated_at"
	SortUpdatedReverse = "-updated_at"
)

// cursor is where a page ended: the sort key and the id of its last order. Later pages begin after it, so an
// order that comes in between shifts nothing.
type cursor struct {
	Key string    `json:"k"`
	ID  uuid.UUID `json:"i"`
	// Query tells which list the cursor is of.
	Query string `json:"q"`
	// Part is the position in its order, in lists of parts of orders.
	Part int `json:"n,omitempty"`
}

// Orders returns a page of orders. Errors: [domain.Invalids] for a query that makes no sense, among them a
// cursor of another list.
func (r *Reader) Orders(ctx context.Context, q OrderQuery) (OrderPage, error) {
	s, err := q.statement()
	if err != nil {
		return OrderPage{}, err
	}
	rows, err := r.pool.Query(ctx, s.sql, s.args...)
	if err != nil {
		return OrderPage{}, fmt.Errorf("list orders: %w", err)
	}
	defer rows.Close()
	page := OrderPage{Orders: make([]Shown, 0, s.limit)}
	more := false
	scanner := shownScanner{rows: s.limit}
	var key sortKey
	for rows.Next() {
		n := len(page.Orders)
		if more = n == s.limit; more {
			break // it is only there to be known of
		}
		page.Orders = page.Orders[:n+1]
		if err := scanner.scan(rows, &page.Orders[n], key.scanned(s.column)); err != nil {
			return OrderPage{}, fmt.Errorf("list orders: %w", err)
		}
	}
	if rows.Close(); rows.Err() != nil {
		return OrderPage{}, fmt.Errorf("list orders: %w", rows.Err())
	}
	if more {
		page.NextCursor = q.cursorAfter(page.Orders[s.limit-1].OrderID, key)
	}
	return page, nil
}

// addSettled chooses orders that are settled, or those that are not.
func (q OrderQuery) addSettled(add func(condition string, values ...any)) {
	switch {
	case q.Settled == nil:
	case *q.Settled:
		add("status = ANY(?::text[]) AND unsettled IS NULL", endedStatuses)
	default:
		add("(status <> ALL(?::text[]) OR unsettled)", endedStatuses)
	}
}

// endedStatuses are those of orders that have ended.
var endedStatuses = []string{string(order.StatusDelivered), string(order.StatusCancelled)}

type statement struct {
	sql    string
	args   []any
	limit  int
	column sortColumn
}

// sortColumn is a column that lists are sorted by.
type sortColumn struct {
	name, kind string
	// read is the expression that [sortKey] scans.
	read string
}

var (
	byCreated = sortColumn{"created_at", "timestamptz", "created_at"}
	byUpdated = sortColumn{"updated_at", "timestamptz", "updated_at"}
	byTotal   = sortColumn{"total_amount", "numeric", "total_amount::text"}
)

// sortKey is the value of a sort column in one row.
type sortKey struct {
	at    time.Time
	total string
}

// scanned is what a row's value of column is read into.
func (k *sortKey) scanned(column sortColumn) any {
	if column == byTotal {
		return &k.total
	}
	return &k.at
}

// String is the key as a cursor has it.
func (k *sortKey) String() string {
	if k.total != "" {
		return k.total
	}
	return timeKey(k.at)
}

// statement returns the SQL of a query: it reads one order more than the page holds, to know whether there
// is a next page.
func (q OrderQuery) statement() (statement, error) {
	var bad domain.Invalids
	limit := pageLimit(&bad, q.Limit)
	if q.currency() == "" && q.byTotal() {
		bad.Add("currency", "is required to sort by total: amounts of different currencies don't compare")
	}
	column, direction, compare := q.order(&bad)
	after := q.decodeCursor(&bad, column)
	if err := bad.Err(); err != nil {
		return statement{}, err
	}
	chosen := q.conditions()
	if after != nil {
		chosen.add(fmt.Sprintf("(%s, order_id) %s (?::text::%s, ?)", column.name, compare, column.kind), after.Key, after.ID)
	}
	most := chosen.argument(limit + 1)
	// The column is qualified, because the output has a text of the same name.
	sql := fmt.Sprintf("SELECT %s, %s FROM orderloom.order_views WHERE %s ORDER BY order_views.%s %s, order_id %s LIMIT %s",
		shownColumns(q.Personal), column.read, &chosen, column.name, direction, direction, most)
	return statement{sql: sql, args: chosen.args, limit: limit, column: column}, nil
}

// conditions returns which orders the query chooses.
func (q OrderQuery) conditions() (c conditions) {
	add := c.add
	add("created_at IS NOT NULL") // a row that has events of the payment only is no order yet
	q.addTexts(add)
	q.Owner.addTo(add)
	if q.Emails != nil {
		add("order_id IN (SELECT order_id FROM orderloom.order_contacts WHERE email = ANY(?::bytea[]))", q.Emails)
	}
	if q.Phones != nil {
		add("order_id IN (SELECT order_id FROM orderloom.order_contacts WHERE phone = ANY(?::bytea[]))", q.Phones)
	}
	switch q.Attention {
	case "":
	case AttentionAny:
		add("attention IS NOT NULL")
	default:
		add("attention IS NOT NULL AND attention @> ARRAY[?::text]", q.Attention)
	}
	q.addSettled(add)
	q.addTimes(add)
	if currency := q.currency(); currency != "" {
		add("currency = ?", currency)
	}
	if q.TotalMin != nil {
		add("total_amount >= ?::numeric", q.TotalMin.Amount.String())
	}
	if q.TotalMax != nil {
		add("total_amount <= ?::numeric", q.TotalMax.Amount.String())
	}
	return c
}

// addTexts chooses by what orders have.
func (q OrderQuery) addTexts(add func(condition string, values ...any)) {
	number := ""
	if q.NumberPrefix != "" {
		number = likePrefix(strings.ToUpper(q.NumberPrefix))
	}
	for _, f := range []struct{ condition, value string }{
		{"customer_id = ?", q.CustomerID},
		{"status = ?", q.Status},
		{"payment_status = ?", q.PaymentStatus},
		{"fulfillment_status = ?", q.FulfillmentStatus},
		{"skus @> ARRAY[?::text]", q.SKU},
		{"order_number LIKE ?", number},
		{"external_reference = ?", q.ExternalReference},
		{"channel = ?", q.Channel},
		{"tags IS NOT NULL AND tags @> ARRAY[?::text]", q.Tag},
	} {
		if f.value != "" {
			add(f.condition, f.value)
		}
	}
}

// addTimes chooses by when orders were placed and have changed.
func (q OrderQuery) addTimes(add func(condition string, values ...any)) {
	for _, f := range []struct {
		condition string
		at        time.Time
	}{{"created_at >= ?", q.CreatedFrom}, {"created_at < ?", q.CreatedTo}, {"updated_at >= ?", q.UpdatedSince}} {
		if !f.at.IsZero() {
			add(f.condition, f.at)
		}
	}
}

// currency is the one that all orders of the list have; empty when they may have any.
func (q OrderQuery) currency() string {
	for _, m := range []*money.Money{q.TotalMin, q.TotalMax} {
		if m != nil {
			return m.Currency
		}
	}
	return q.Currency
}

func (q OrderQuery) byTotal() bool { return q.Sort == SortTotal || q.Sort == SortTotalReverse }

func (q OrderQuery) order(bad *domain.Invalids) (column sortColumn, direction, compare string) {
	switch q.Sort {
	case "", SortCreatedReverse:
		return byCreated, "DESC", "<"
	case SortCreated:
		return byCreated, "ASC", ">"
	case SortTotalReverse:
		return byTotal, "DESC", "<"
	case SortTotal:
		return byTotal, "ASC", ">"
	case SortUpdatedReverse:
		return byUpdated, "DESC", "<"
	case SortUpdated:
		return byUpdated, "ASC", ">"
	}
	bad.Add("sort", "must be one of %s", strings.Join([]string{
		SortCreated, SortCreatedReverse, SortUpdated, SortUpdatedReverse, SortTotal, SortTotalReverse,
	}, ", "))
	return byCreated, "DESC", "<"
}

// fingerprint tells one list from another: all of the query but the page.
func (q OrderQuery) fingerprint() string {
	sort := cmp.Or(q.Sort, SortCreatedReverse)
	b := make([]byte, 0, 256)
	for _, text := range []string{
		q.CustomerID, q.Status, q.PaymentStatus, q.SKU, q.Attention, q.NumberPrefix, q.currency(), sort,
		q.FulfillmentStatus, q.ExternalReference, q.Channel, q.Tag,
	} {
		b = strconv.AppendQuote(b, text)
	}
	if q.Settled != nil {
		b = append(strconv.AppendBool(b, *q.Settled), ' ')
	}
	for _, at := range []time.Time{q.CreatedFrom, q.CreatedTo, q.UpdatedSince} {
		b = append(at.UTC().AppendFormat(b, time.RFC3339Nano), ' ')
	}
	for _, m := range []*money.Money{q.TotalMin, q.TotalMax} {
		if m != nil {
			b = append(append(b, m.Amount.String()...), ' ')
		} else {
			b = append(b, "- "...)
		}
	}
	if q.Owner != nil {
		b = fmt.Appendf(b, "%q", *q.Owner)
	}
	for _, macs := range [][][]byte{q.Emails, q.Phones} {
		for _, mac := range macs {
			b = append(b, mac...)
		}
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

func (q OrderQuery) cursorAfter(id uuid.UUID, key sortKey) string {
	return writeCursor(cursor{Key: key.String(), ID: id, Query: q.fingerprint()})
}

// decodeCursor returns nil for the first page.
func (q OrderQuery) decodeCursor(bad *domain.Invalids, column sortColumn) *cursor {
	if q.Cursor == "" {
		return nil
	}
	c, err := readCursor[cursor](q.Cursor)
	if err == nil && column == byTotal {
		err = checkAmountKey(c.Key)
	} else if err == nil {
		err = checkTimeKey(c.Key)
	}
	switch {
	case err != nil:
		bad.Add("cursor", "is not one that a list has returned")
	case c.Query != q.fingerprint():
		bad.Add("cursor", "belongs to a list with other filters or another order")
	}
	return &c
}

// likePrefix is a pattern for texts that begin with s.
func likePrefix(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s) + "%"
}
