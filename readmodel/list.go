package readmodel

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/shopspring/decimal"
)

// Sort orders of lists.
const (
	SortCreated        = "created_at"
	SortCreatedReverse = "-created_at"
	SortTotal          = "total"
	SortTotalReverse   = "-total"
)

// cursor is where a page ended: the sort key and the id of its last order. Later pages begin after it, so an
// order that comes in between shifts nothing.
type cursor struct {
	Key string    `json:"k"`
	ID  uuid.UUID `json:"i"`
	// Query tells which list the cursor is of.
	Query string `json:"q"`
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
	page := OrderPage{Orders: make([]OrderView, 0, s.limit)}
	more := false
	var scanner shownScanner
	for rows.Next() {
		n := len(page.Orders)
		if more = n == s.limit; more {
			break // it is only there to be known of
		}
		page.Orders = page.Orders[:n+1]
		if err := scanner.scan(rows, &page.Orders[n]); err != nil {
			return OrderPage{}, fmt.Errorf("list orders: %w", err)
		}
	}
	if rows.Close(); rows.Err() != nil {
		return OrderPage{}, fmt.Errorf("list orders: %w", rows.Err())
	}
	if more {
		page.NextCursor = q.cursorAfter(&page.Orders[s.limit-1])
	}
	return page, nil
}

type statement struct {
	sql   string
	args  []any
	limit int
}

// statement returns the SQL of a query: it reads one order more than the page holds, to know whether there
// is a next page.
func (q OrderQuery) statement() (statement, error) {
	var bad domain.Invalids
	limit := q.Limit
	if limit == 0 {
		limit = PageSizeDefault
	}
	if limit < 1 || limit > PageSizeMax {
		bad.Add("limit", "must be from 1 to %d, got %d", PageSizeMax, q.Limit)
	}
	column, direction, compare := q.order(&bad)
	after := q.decodeCursor(&bad, column)
	if err := bad.Err(); err != nil {
		return statement{}, err
	}
	// A row that has only heard of the payment is no order yet.
	where := []string{"created_at IS NOT NULL"}
	var args []any
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	if q.CustomerID != "" {
		add("customer_id = ?", q.CustomerID)
	}
	if q.Status != "" {
		add("status = ?", q.Status)
	}
	if q.PaymentStatus != "" {
		add("payment_status = ?", q.PaymentStatus)
	}
	if q.SKU != "" {
		add("skus @> ARRAY[?::text]", q.SKU)
	}
	if q.NumberPrefix != "" {
		add("order_number LIKE ?", likePrefix(q.NumberPrefix))
	}
	if !q.CreatedFrom.IsZero() {
		add("created_at >= ?", q.CreatedFrom)
	}
	if !q.CreatedTo.IsZero() {
		add("created_at < ?", q.CreatedTo)
	}
	if q.TotalMin != nil {
		add("total_amount >= ?::numeric AND currency = ?", q.TotalMin.Amount.String(), q.TotalMin.Currency)
	}
	if q.TotalMax != nil {
		add("total_amount <= ?::numeric AND currency = ?", q.TotalMax.Amount.String(), q.TotalMax.Currency)
	}
	if after != nil {
		cast := "timestamptz"
		if column == "total_amount" {
			cast = "numeric"
		}
		add("("+column+", order_id) "+compare+" (?::text::"+cast+", ?)", after.Key, after.ID)
	}
	args = append(args, limit+1)
	// The column is qualified, because the output has a text of the same name.
	sql := fmt.Sprintf("SELECT %s FROM orderloom.order_views WHERE %s ORDER BY order_views.%s %s, order_id %s LIMIT $%d",
		shownColumns(q.Personal), strings.Join(where, " AND "), column, direction, direction, len(args))
	return statement{sql: sql, args: args, limit: limit}, nil
}

func (q OrderQuery) order(bad *domain.Invalids) (column, direction, compare string) {
	switch q.Sort {
	case "", SortCreatedReverse:
		return "created_at", "DESC", "<"
	case SortCreated:
		return "created_at", "ASC", ">"
	case SortTotalReverse:
		return "total_amount", "DESC", "<"
	case SortTotal:
		return "total_amount", "ASC", ">"
	}
	bad.Add("sort", "must be %s, %s, %s or %s", SortCreated, SortCreatedReverse, SortTotal, SortTotalReverse)
	return "created_at", "DESC", "<"
}

// fingerprint tells one list from another: all of the query but the page.
func (q OrderQuery) fingerprint() string {
	q.Cursor, q.Limit, q.Personal = "", 0, false
	if q.Sort == "" {
		q.Sort = SortCreatedReverse
	}
	b, err := json.Marshal(q)
	if err != nil {
		panic("readmodel: " + err.Error()) // plain values only
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

func (q OrderQuery) cursorAfter(v *OrderView) string {
	c := cursor{Key: v.CreatedAt.Format(time.RFC3339Nano), ID: v.OrderID, Query: q.fingerprint()}
	if q.Sort == SortTotal || q.Sort == SortTotalReverse {
		c.Key = v.Total.Amount.String()
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic("readmodel: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor returns nil for the first page.
func (q OrderQuery) decodeCursor(bad *domain.Invalids, column string) *cursor {
	if q.Cursor == "" {
		return nil
	}
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil && column == "total_amount" {
		if _, err = decimal.NewFromString(c.Key); strings.ContainsAny(c.Key, "eE") {
			err = strconv.ErrRange // a short text can be a huge number
		}
	} else if err == nil {
		_, err = time.Parse(time.RFC3339Nano, c.Key)
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
