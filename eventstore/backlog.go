package eventstore

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// BacklogEventsMax bounds the events that [Store.Backlog] and [Store.Waiting] count.
const BacklogEventsMax = 100_000

// Backlog is what a consumer has not read yet of one aggregate type.
type Backlog struct {
	AggregateType string
	Events        int64
	// Oldest is the earliest timestamp of these events.
	Oldest time.Time
}

// Span chooses events to be counted.
type Span struct {
	// After and Through bound the sequences: After is excluded, Through included. Without Through there is no bound.
	After, Through int64
	// AggregateTypes are those to count; empty for all.
	AggregateTypes []string
	// Since leaves out events with an earlier timestamp.
	Since time.Time
	// Limit is how many events are counted, the first ones; 0 is [BacklogEventsMax], which is also the most.
	Limit int
}

// Backlog counts the events after a position, by aggregate type, sorted by it. Types without any are left out. It
// counts the first [BacklogEventsMax] events only. Events above the high-water mark count as well, though [Store.Read]
// does not return them yet.
func (s *Store) Backlog(ctx context.Context, after int64) ([]Backlog, error) {
	return s.Waiting(ctx, Span{After: after})
}

// Waiting counts the events of a span as [Store.Backlog] does.
func (s *Store) Waiting(ctx context.Context, span Span) ([]Backlog, error) {
	const sql = `WITH backlog AS (
			SELECT aggregate_type, "timestamp" FROM orderloom.events
			WHERE sequence > $1 AND sequence <= $2 AND ($3::text[] IS NULL OR aggregate_type = ANY ($3)) AND "timestamp" >= $4
			ORDER BY sequence LIMIT $5)
		SELECT aggregate_type, count(*), min("timestamp") FROM backlog GROUP BY aggregate_type ORDER BY aggregate_type`
	limit := min(cmp.Or(span.Limit, BacklogEventsMax), BacklogEventsMax)
	rows, err := s.pool.Query(ctx, sql, span.After, cmp.Or(span.Through, math.MaxInt64), span.AggregateTypes, span.Since, limit)
	if err != nil {
		return nil, fmt.Errorf("count events after %d: %w", span.After, err)
	}
	backlog, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Backlog])
	if err != nil {
		return nil, fmt.Errorf("count events after %d: %w", span.After, err)
	}
	return backlog, nil
}

// LastSequence returns the highest sequence that is committed, 0 for an empty store. Events below it may still be on
// their way, so it is no position to read from: see [Page] for that.
func (s *Store) LastSequence(ctx context.Context) (int64, error) {
	var last, archived int64
	if err := s.pool.QueryRow(ctx, lastVisibleSQL).Scan(&last, &archived); err != nil {
		return 0, fmt.Errorf("find the last event: %w", err)
	}
	return max(last, archived-1, 0), nil
}
