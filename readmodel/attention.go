package readmodel

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/attention"
)

// WaitingOrder is an order that waits for a person.
type WaitingOrder struct {
	OrderID     uuid.UUID
	OrderNumber string
	Status      string
	Items       []attention.Item
}

// WaitingOrders returns the orders that wait for a person by the views, the oldest order first, at most limit.
func WaitingOrders(ctx context.Context, db Querier, limit int) ([]WaitingOrder, error) {
	rows, err := db.Query(ctx, `
		SELECT order_id, order_number, status, (shown->'attention')::text FROM orderloom.order_views
		WHERE attention IS NOT NULL ORDER BY created_at, order_id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list what needs attention: %w", err)
	}
	waiting, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WaitingOrder, err error) {
		var items string
		if err := row.Scan(&w.OrderID, &w.OrderNumber, &w.Status, &items); err != nil {
			return w, err
		}
		return w, json.Unmarshal([]byte(items), &w.Items)
	})
	if err != nil {
		return nil, fmt.Errorf("list what needs attention: %w", err)
	}
	return waiting, nil
}

// AttentionCounts counts what waits for a person by the views, by cause. Every cause is there, also with nothing.
// Of an order, each cause counts once. Parked aggregates count once for each projection.
func AttentionCounts(ctx context.Context, db Querier) (map[attention.Cause]int, error) {
	counts := map[attention.Cause]int{}
	for _, c := range append(attention.Causes(), attention.CauseParked) {
		counts[c] = 0
	}
	rows, err := db.Query(ctx, `
		SELECT cause, count(*) FROM orderloom.order_views, unnest(attention) cause WHERE attention IS NOT NULL GROUP BY cause
		UNION ALL SELECT $1, count(*) FROM orderloom.parked_streams`, attention.CauseParked)
	if err != nil {
		return nil, fmt.Errorf("count what needs attention: %w", err)
	}
	var cause attention.Cause
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&cause, &n}, func() error { counts[cause] = n; return nil }); err != nil {
		return nil, fmt.Errorf("count what needs attention: %w", err)
	}
	return counts, nil
}
