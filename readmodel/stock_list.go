package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// StockQuery asks for a page of stock levels, sorted by SKU and location. The zero value asks for the first
// [PageSizeDefault].
type StockQuery struct {
	SKU, Location string
	// Backordered chooses the SKUs that orders wait for: their queues, which have no location.
	Backordered bool
	// Cursor is the NextCursor of the page before; empty for the first page.
	Cursor string
	// Limit is from 1 to [PageSizeMax]; 0 is [PageSizeDefault].
	Limit int
}

// StockPage is a page of stock levels.
type StockPage struct {
	Levels []StockLevel
	// NextCursor is empty on the last page.
	NextCursor string
}

// StockLevels returns a page of stock levels. Errors: [domain.Invalids] for a query that makes no sense, among them a
// cursor of another list.
func (r *Reader) StockLevels(ctx context.Context, q StockQuery) (StockPage, error) {
	sql, args, limit, err := q.statement()
	if err != nil {
		return StockPage{}, err
	}
	rows, err := r.pool.Query(ctx, sql, args...)
	if err != nil {
		return StockPage{}, fmt.Errorf("list stock: %w", err)
	}
	levels, err := pgx.CollectRows(rows, scanStockLevel)
	if err != nil {
		return StockPage{}, fmt.Errorf("list stock: %w", err)
	}
	page := StockPage{Levels: levels}
	if len(levels) > limit {
		page.Levels = levels[:limit]
		page.NextCursor = q.cursorAfter(levels[limit-1])
	}
	return page, nil
}

// stockCursor is where a page of stock ended.
type stockCursor struct {
	SKU      string `json:"k"`
	Location string `json:"l"`
	Query    string `json:"q"`
}

func (q StockQuery) statement() (sql string, args []any, limit int, err error) {
	var bad domain.Invalids
	limit = pageLimit(&bad, q.Limit)
	after := q.decodeCursor(&bad)
	if err := bad.Err(); err != nil {
		return "", nil, 0, err
	}
	var chosen conditions
	add := chosen.add
	add("(location <> '' OR backorders IS NOT NULL)") // a queue of which nobody waits any more is no stock
	if q.SKU != "" {
		add("sku = ?", q.SKU)
	}
	if q.Location != "" {
		add("location = ?", q.Location)
	}
	if q.Backordered {
		add("backorders IS NOT NULL")
	}
	if after != nil {
		add("(sku, location) > (?, ?)", after.SKU, after.Location)
	}
	most := chosen.argument(limit + 1)
	return fmt.Sprintf(`SELECT sku, location, on_hand, reserved, backorders, updated_at, version FROM orderloom.stock_levels
		WHERE %s ORDER BY sku, location LIMIT %s`, &chosen, most), chosen.args, limit, nil
}

// fingerprint tells one list from another: all of the query but the page.
func (q StockQuery) fingerprint() string {
	return fmt.Sprintf("stock %q %q %t", q.SKU, q.Location, q.Backordered)
}

func (q StockQuery) cursorAfter(last StockLevel) string {
	return writeCursor(stockCursor{SKU: last.SKU, Location: last.Location, Query: q.fingerprint()})
}

// decodeCursor returns nil for the first page.
func (q StockQuery) decodeCursor(bad *domain.Invalids) *stockCursor {
	if q.Cursor == "" {
		return nil
	}
	c, err := readCursor[stockCursor](q.Cursor)
	if err == nil {
		err = checkTextKey(c.SKU + c.Location)
	}
	switch {
	case err != nil:
		bad.Add("cursor", "is not one that a list has returned")
	case c.Query != q.fingerprint():
		bad.Add("cursor", "belongs to a list with other filters")
	}
	return &c
}
