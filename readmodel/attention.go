package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/attention"
)

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
