package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ProjectionStatus tells how far a projection is behind the event store, and what it can't go on with.
type ProjectionStatus struct {
	Name string `json:"name"`
	// LagEvents counts the events that are in the store and not in the view. The relay has not published them yet, as
	// far as the store counts those, or they wait in Kafka, or they are parked.
	LagEvents int64 `json:"lag_events"`
	// LagSeconds is the age of the oldest of them; of those that wait in Kafka, it is an upper bound.
	LagSeconds float64 `json:"lag_seconds"`
	// WaitingSeconds is the age of the oldest of them that is not parked: how far the view as a whole is behind.
	WaitingSeconds float64 `json:"waiting_seconds"`
	// Parked counts the aggregates that are parked, ParkedOldestSeconds is the age of the oldest.
	Parked              int64   `json:"parked"`
	ParkedOldestSeconds float64 `json:"parked_oldest_seconds"`
	// Stale is true when no projector has reported for [ReportStaleAfter]: the events that came to Kafka
	// since are not counted.
	Stale bool `json:"stale"`
	// UpdatedAt is when a projector reported last.
	UpdatedAt *time.Time `json:"updated_at"`
	// Rebuild is "filling", "filled" or "swapped" while a rebuild is under way or its old tables are kept.
	Rebuild string `json:"rebuild,omitempty"`
}

// ReportStaleAfter is how old the last report of a projector may be before [ProjectionStatus] calls it stale.
const ReportStaleAfter = 15 * time.Second

// Querier is a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const projectionsSQL = `
WITH unpublished AS (
	SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS u(aggregate_type, events, oldest)
), in_kafka AS (
	SELECT consumer_group, replace(topic, '-events', '') AS aggregate_type, sum(greatest(end_offset - next_offset, 0)) AS events,
		min(event_at) FILTER (WHERE end_offset > next_offset) AS oldest, max(updated_at) AS updated_at
	FROM orderloom.projection_checkpoints GROUP BY consumer_group, topic
), waiting AS (
	SELECT p.name, sum(e.events) AS events, min(e.oldest) AS oldest
	FROM orderloom.projections p JOIN (
		SELECT aggregate_type, events, oldest, NULL::text AS consumer_group FROM unpublished
		UNION ALL SELECT aggregate_type, events, oldest, consumer_group FROM in_kafka
	) e ON e.aggregate_type = ANY(p.aggregates) AND coalesce(e.consumer_group, p.consumer_group) = p.consumer_group
	GROUP BY p.name
), parked AS (
	SELECT projection AS name, sum(last_version - version + 1) AS events, min(coalesce(event_at, parked_at)) AS oldest,
		count(*) AS aggregates, min(parked_at) AS since
	FROM orderloom.parked_streams GROUP BY projection
)
SELECT p.name, (coalesce(w.events, 0) + coalesce(s.events, 0))::bigint,
	greatest(0, extract(epoch FROM now() - coalesce(least(w.oldest, s.oldest), now())))::float8,
	greatest(0, extract(epoch FROM now() - coalesce(w.oldest, now())))::float8,
	coalesce(s.aggregates, 0), coalesce(extract(epoch FROM now() - s.since), 0)::float8,
	(SELECT max(k.updated_at) FROM in_kafka k WHERE k.aggregate_type = ANY(p.aggregates) AND k.consumer_group = p.consumer_group),
	coalesce((SELECT r.state FROM orderloom.projection_rebuilds r WHERE r.projection = p.name), '')
FROM orderloom.projections p LEFT JOIN waiting w USING (name) LEFT JOIN parked s USING (name) ORDER BY p.name`

// Backlog is what the relay has not published yet of one aggregate type.
type Backlog struct {
	AggregateType string
	Events        int64
	// Oldest is the earliest timestamp of these events.
	Oldest time.Time
}

// BacklogSource tells what the relay has not published yet.
type BacklogSource interface {
	// Unpublished counts the events of each aggregate type that has any.
	Unpublished(ctx context.Context) ([]Backlog, error)
}

// Projections returns the status of every projection, sorted by name. A nil backlog counts nothing that is unpublished.
// An event that is published during the call may be counted twice.
func Projections(ctx context.Context, db Querier, backlog BacklogSource) ([]ProjectionStatus, error) {
	var types []string
	var events []int64
	var oldest []time.Time
	if backlog != nil {
		unpublished, err := backlog.Unpublished(ctx)
		if err != nil {
			return nil, fmt.Errorf("status of projections: %w", err)
		}
		for _, b := range unpublished {
			types, events, oldest = append(types, b.AggregateType), append(events, b.Events), append(oldest, b.Oldest)
		}
	}
	rows, err := db.Query(ctx, projectionsSQL, types, events, oldest)
	if err != nil {
		return nil, fmt.Errorf("status of projections: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ProjectionStatus, error) {
		var s ProjectionStatus
		err := row.Scan(&s.Name, &s.LagEvents, &s.LagSeconds, &s.WaitingSeconds, &s.Parked, &s.ParkedOldestSeconds, &s.UpdatedAt, &s.Rebuild)
		s.Stale = s.UpdatedAt == nil || time.Since(*s.UpdatedAt) > ReportStaleAfter
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("status of projections: %w", err)
	}
	return all, nil
}
