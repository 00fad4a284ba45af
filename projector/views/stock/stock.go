package projector

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/readmodel"
)

// Stock keeps stock_levels: one row for each SKU at each location.
type Stock struct{}

// Name implements [Projection].
func (Stock) Name() string { return "stock" }

// Aggregates implements [Projection].
func (Stock) Aggregates() []string { return []string{domain.AggregateInventory} }

// Tables implements [Projection].
func (Stock) Tables() []Table {
	return []Table{{Name: "stock_levels", Key: []string{"stock_id"}, Versions: []string{"version"}}}
}

// Open implements [Projection].
func (Stock) Open(q *pgx.Batch, in Place, keys []Key) Batch {
	b := &stockBatch{in: in, rows: map[uuid.UUID]*readmodel.StockLevel{}, changed: map[uuid.UUID]bool{}}
	queue(q, in.SQL(`SELECT stock_id, sku, location, on_hand, reserved, backorders, version, updated_at FROM {stock_levels} WHERE stock_id = ANY($1)`),
		aggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var id uuid.UUID
			l := &readmodel.StockLevel{}
			if err := rows.Scan(&id, &l.SKU, &l.Location, &l.OnHand, &l.Reserved, &l.Backorders, &l.Version, &l.UpdatedAt); err != nil {
				return err
			}
			b.rows[id] = l
		}
		return rows.Err()
	})
	return b
}

type stockBatch struct {
	in      Place
	rows    map[uuid.UUID]*readmodel.StockLevel
	changed map[uuid.UUID]bool
}

func (b *stockBatch) row(id uuid.UUID) *readmodel.StockLevel {
	l := b.rows[id]
	if l == nil {
		l = &readmodel.StockLevel{}
		b.rows[id] = l
	}
	return l
}

// Version implements [Batch].
func (b *stockBatch) Version(k Key) int64 {
	if l := b.rows[k.AggregateID]; l != nil {
		return l.Version
	}
	return 0
}

// Apply implements [Batch].
func (b *stockBatch) Apply(e Event) error {
	l := b.row(e.AggregateID)
	*l = l.Apply(e.Envelope, e.Data)
	b.changed[e.AggregateID] = true
	return nil
}

// Skip implements [Batch].
func (b *stockBatch) Skip(e Event) {
	l := b.row(e.AggregateID)
	l.Version, l.UpdatedAt = e.Version, e.Timestamp
	b.changed[e.AggregateID] = true
}

// Flush implements [Batch].
func (b *stockBatch) Flush(q *pgx.Batch) {
	if len(b.changed) == 0 {
		return
	}
	var skus, locations []string
	var onHand, reserved, versions []int64
	var backorders []*string
	var updated []time.Time
	ids := sortedIDs(b.changed)
	for _, id := range ids {
		l := b.rows[id]
		skus, locations = append(skus, l.SKU), append(locations, l.Location)
		onHand, reserved, versions = append(onHand, int64(l.OnHand)), append(reserved, int64(l.Reserved)), append(versions, l.Version)
		backorders, updated = append(backorders, jsonOrNil(l.Backorders)), append(updated, l.UpdatedAt)
	}
	// A row is a function of the stream up to its version, so the higher version is right.
	queue(q, b.in.SQL(`INSERT INTO {stock_levels} AS t (stock_id, sku, location, on_hand, reserved, version, updated_at, backorders)
		SELECT a, b, c, d, e, f, g, h::jsonb FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
			$7::timestamptz[], $8::text[]) AS u(a, b, c, d, e, f, g, h)
		ON CONFLICT (stock_id) DO UPDATE SET sku = excluded.sku, location = excluded.location, on_hand = excluded.on_hand,
			reserved = excluded.reserved, version = excluded.version, updated_at = excluded.updated_at,
			backorders = excluded.backorders
		WHERE t.version < excluded.version`), ids, skus, locations, onHand, reserved, versions, updated, backorders)
}

// jsonOrNil returns a list as JSON, nil for an empty one.
func jsonOrNil[T any](list []T) *string {
	if len(list) == 0 {
		return nil
	}
	s := jsonText(list)
	return &s
}
