// Package carriers is the worked example of docs/projections.md: a view of which carrier took which shipment.
package carriers

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/projector"
)

// region view

// View keeps carrier_shipments: which carrier took which shipment.
type View struct{}

// Name implements [projector.Projection].
func (View) Name() string { return "carriers" }

// Aggregates implements [projector.Projection].
func (View) Aggregates() []string { return []string{domain.AggregateOrder} }

// Tables implements [projector.Projection].
func (View) Tables() []projector.Table {
	return []projector.Table{{Name: "carrier_shipments", Key: []string{"aggregate_id", "version"}}}
}

// Open implements [projector.Projection]. It reads how far each stream is.
func (View) Open(q *pgx.Batch, in projector.Place, keys []projector.Key) projector.Batch {
	b := &batch{in: in, versions: map[uuid.UUID]int64{}}
	projector.Queue(q, in.SQL(`SELECT aggregate_id, max(version) FROM {carrier_shipments} WHERE aggregate_id = ANY($1) GROUP BY 1`),
		projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var version int64
		_, err := pgx.ForEachRow(rows, []any{&id, &version}, func() error { b.versions[id] = version; return nil })
		return err
	})
	return b
}

// endregion

// region batch

type batch struct {
	in       projector.Place
	versions map[uuid.UUID]int64
	// The rows to add, column by column.
	ids      []uuid.UUID
	numbers  []int64
	carriers []*string
}

// Version implements [projector.Batch].
func (b *batch) Version(k projector.Key) int64 { return b.versions[k.AggregateID] }

// Apply implements [projector.Batch].
func (b *batch) Apply(e projector.Event) error {
	b.add(e, carrierOf(e.Data))
	return nil
}

// Skip implements [projector.Batch].
func (b *batch) Skip(e projector.Event) { b.add(e, nil) }

// Flush implements [projector.Batch].
func (b *batch) Flush(q *pgx.Batch) {
	if len(b.ids) == 0 {
		return
	}
	projector.Queue(q, b.in.SQL(`INSERT INTO {carrier_shipments} (aggregate_id, version, carrier)
		SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS u(id, version, carrier) ORDER BY id, version
		ON CONFLICT DO NOTHING`), b.ids, b.numbers, b.carriers)
}

func (b *batch) add(e projector.Event, carrier *string) {
	b.versions[e.AggregateID] = e.Version
	b.ids, b.numbers, b.carriers = append(b.ids, e.AggregateID), append(b.numbers, e.Version), append(b.carriers, carrier)
}

// carrierOf returns who took a shipment, nil when the event hands none over.
func carrierOf(e domain.Event) *string {
	if d, ok := e.(order.ShipmentDispatched); ok {
		return &d.Carrier
	}
	return nil
}

// endregion
