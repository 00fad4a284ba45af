// Package stock keeps the view of stock.
package stock

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views/figures"
	"github.com/orderloom/orderloom/readmodel"
)

// View keeps stock_levels: one row for each SKU at each location.
type View struct {
	// Figures counts what happens to stock; nil counts nothing.
	Figures *figures.Figures
}

// Name is the name of the projection.
const Name = "stock"

// Name implements [projector.Projection].
func (View) Name() string { return Name }

// Aggregates implements [projector.Projection].
func (View) Aggregates() []string { return []string{domain.AggregateInventory} }

// Tables implements [projector.Projection].
func (View) Tables() []projector.Table {
	return []projector.Table{{Name: "stock_levels", Key: []string{"stock_id"}, Versions: []string{"version"}}}
}

// Open implements [projector.Projection].
func (v View) Open(q *pgx.Batch, in projector.Place, keys []projector.Key) projector.Batch {
	return v.open(q, in, keys)
}

func (v View) open(q *pgx.Batch, in projector.Place, keys []projector.Key) *stockBatch {
	b := &stockBatch{in: in, rows: map[uuid.UUID]*readmodel.StockLevel{}, changed: map[uuid.UUID]bool{}, figures: v.Figures}
	projector.Queue(q, in.SQL(`SELECT stock_id, sku, location, on_hand, reserved, backorders, version, updated_at FROM {stock_levels} WHERE stock_id = ANY($1)`),
		projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
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
	in      projector.Place
	rows    map[uuid.UUID]*readmodel.StockLevel
	changed map[uuid.UUID]bool
	// noted is what figures counts after the commit.
	figures *figures.Figures
	noted   figures.Noted
}

func (b *stockBatch) row(id uuid.UUID) *readmodel.StockLevel {
	l := b.rows[id]
	if l == nil {
		l = &readmodel.StockLevel{}
		b.rows[id] = l
	}
	return l
}

// Version implements [projector.Batch].
func (b *stockBatch) Version(k projector.Key) int64 {
	if l := b.rows[k.AggregateID]; l != nil {
		return l.Version
	}
	return 0
}

// Apply implements [projector.Batch].
func (b *stockBatch) Apply(e projector.Event) error {
	l := b.row(e.AggregateID)
	*l = l.Apply(e.Envelope, e.Data)
	b.changed[e.AggregateID] = true
	b.noted.Event(e.Data)
	return nil
}

// Count implements [projector.CountedBatch].
func (b *stockBatch) Count() { b.figures.Count(b.noted) }

// Skip implements [projector.Batch].
func (b *stockBatch) Skip(e projector.Event) {
	l := b.row(e.AggregateID)
	l.Version, l.UpdatedAt = e.Version, e.Timestamp
	b.changed[e.AggregateID] = true
}

// Flush implements [projector.Batch].
func (b *stockBatch) Flush(q *pgx.Batch) {
	if len(b.changed) == 0 {
		return
	}
	var skus, locations []string
	var onHand, reserved, versions []int64
	var backorders []*string
	var updated []time.Time
	ids := projector.SortedIDs(b.changed)
	for _, id := range ids {
		l := b.rows[id]
		skus, locations = append(skus, l.SKU), append(locations, l.Location)
		onHand, reserved, versions = append(onHand, int64(l.OnHand)), append(reserved, int64(l.Reserved)), append(versions, l.Version)
		backorders, updated = append(backorders, jsonOrNil(l.Backorders)), append(updated, l.UpdatedAt)
	}
	// A row is a function of the stream up to its version, so the higher version is right.
	projector.Queue(q, b.in.SQL(`INSERT INTO {stock_levels} AS t (stock_id, sku, location, on_hand, reserved, version, updated_at, backorders)
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
	s := projector.JSONText(list)
	return &s
}
