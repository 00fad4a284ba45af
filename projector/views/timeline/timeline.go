// Package timeline keeps the view of what has happened to each order.
package timeline

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
)

// View keeps order_timeline: one row for each event, found by the order that it concerns.
type View struct{}

// Name is the name of the projection.
const Name = "timeline"

// Name implements [projector.Projection].
func (View) Name() string { return Name }

// Aggregates implements [projector.Projection].
func (View) Aggregates() []string { return catalog.AggregateTypes() }

// Tables implements [projector.Projection].
func (View) Tables() []projector.Table {
	return []projector.Table{{Name: "order_timeline", Key: []string{"aggregate_id", "version"}}}
}

// Open implements [projector.Projection]. Rows are only added, one for each version. So the highest version is the last
// one applied, and nothing needs to be locked.
func (View) Open(q *pgx.Batch, in projector.Place, keys []projector.Key) projector.Batch {
	b := &timelineBatch{in: in, versions: map[uuid.UUID]int64{}}
	projector.Queue(q, in.SQL(`SELECT id, version FROM unnest($1::uuid[]) AS id,
		LATERAL (SELECT version FROM {order_timeline} WHERE aggregate_id = id ORDER BY version DESC LIMIT 1) AS last`),
		projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var id uuid.UUID
			var version int64
			if err := rows.Scan(&id, &version); err != nil {
				return err
			}
			b.versions[id] = version
		}
		return rows.Err()
	})
	return b
}

type timelineBatch struct {
	in       projector.Place
	versions map[uuid.UUID]int64
	added    []timelineRow
}

type timelineRow struct {
	readmodel.TimelineEntry
	orderID uuid.UUID
}

// Version implements [projector.Batch].
func (b *timelineBatch) Version(k projector.Key) int64 { return b.versions[k.AggregateID] }

// Apply implements [projector.Batch].
func (b *timelineBatch) Apply(e projector.Event) error {
	b.versions[e.AggregateID] = e.Version
	b.added = append(b.added, timelineRow{readmodel.NewTimelineEntry(e.Envelope, e.Data), e.OrderID})
	return nil
}

// Skip implements [projector.Batch].
func (b *timelineBatch) Skip(e projector.Event) {
	b.versions[e.AggregateID] = e.Version
	entry := readmodel.NewTimelineEntry(e.Envelope, skipped{})
	b.added = append(b.added, timelineRow{TimelineEntry: entry}) // concerns no order, so it is shown to nobody
}

// skipped stands in for an event that was left out.
type skipped struct{}

// EventType implements [domain.Event].
func (skipped) EventType() string { return "left out" }

// EventVersion implements [domain.Event].
func (skipped) EventVersion() int { return 1 }

// Flush implements [projector.Batch].
func (b *timelineBatch) Flush(q *pgx.Batch) {
	if len(b.added) == 0 {
		return
	}
	slices.SortFunc(b.added, func(x, y timelineRow) int {
		if c := bytes.Compare(x.AggregateID[:], y.AggregateID[:]); c != 0 {
			return c
		}
		return int(x.Version - y.Version)
	})
	n := len(b.added)
	ids, eventIDs, orders := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]*uuid.UUID, n)
	versions, sequences := make([]int64, n), make([]int64, n)
	occurred := make([]time.Time, n)
	types, events, summaries, causes := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	actors := make([]*string, n) // nil for what happened by itself
	for i := range b.added {
		r := &b.added[i]
		ids[i], versions[i], sequences[i], eventIDs[i], occurred[i] = r.AggregateID, r.Version, r.Sequence, r.EventID, r.OccurredAt
		types[i], events[i], summaries[i], causes[i] = r.AggregateType, r.EventType, r.Summary, r.CausedBy
		if r.Actor != "" {
			actors[i] = &r.Actor
		}
		if r.orderID != uuid.Nil {
			orders[i] = &r.orderID
		}
	}
	projector.Queue(q, b.in.SQL(`INSERT INTO {order_timeline}
			(aggregate_id, version, sequence, event_id, order_id, occurred_at, aggregate_type, event_type, summary, caused_by, actor)
		SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
			$10::text[], $11::text[])
		ON CONFLICT (aggregate_id, version) DO NOTHING`),
		ids, versions, sequences, eventIDs, orders, occurred, types, events, summaries, causes, actors)
}
