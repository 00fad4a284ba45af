// Package payments keeps the view of payments.
package payments

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
)

// View keeps payment_views: one row for each payment.
type View struct{}

// Name is the name of the projection.
const Name = "payments"

// Name implements [projector.Projection].
func (View) Name() string { return Name }

// Aggregates implements [projector.Projection].
func (View) Aggregates() []string { return []string{domain.AggregatePayment} }

// Tables implements [projector.Projection].
func (View) Tables() []projector.Table {
	return []projector.Table{{Name: "payment_views", Key: []string{"payment_id"}, Versions: []string{"version"}}}
}

// Open implements [projector.Projection].
func (View) Open(q *pgx.Batch, in projector.Place, keys []projector.Key) projector.Batch {
	b := &paymentBatch{in: in, rows: map[uuid.UUID]*readmodel.PaymentView{}, changed: map[uuid.UUID]bool{}}
	if in.VersionsOnly() {
		b.readVersions(q, projector.AggregateIDs(keys))
		return b
	}
	projector.Queue(q, in.SQL("SELECT "+readmodel.PaymentColumns+" FROM {payment_views} WHERE payment_id = ANY($1)"),
		projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			v, err := readmodel.ScanPayment(rows)
			if err != nil {
				return err
			}
			b.rows[v.ID] = &v
		}
		return rows.Err()
	})
	return b
}

// readVersions reads the versions alone.
func (b *paymentBatch) readVersions(q *pgx.Batch, ids []uuid.UUID) {
	projector.Queue(q, b.in.SQL("SELECT payment_id, version FROM {payment_views} WHERE payment_id = ANY($1)"), ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			v := &readmodel.PaymentView{}
			if err := rows.Scan(&v.ID, &v.Version); err != nil {
				return err
			}
			b.rows[v.ID] = v
		}
		return rows.Err()
	})
}

type paymentBatch struct {
	in      projector.Place
	rows    map[uuid.UUID]*readmodel.PaymentView
	changed map[uuid.UUID]bool
}

func (b *paymentBatch) row(id uuid.UUID) *readmodel.PaymentView {
	v := b.rows[id]
	if v == nil {
		v = &readmodel.PaymentView{}
		v.ID = id
		b.rows[id] = v
	}
	return v
}

// Version implements [projector.Batch].
func (b *paymentBatch) Version(k projector.Key) int64 {
	if v := b.rows[k.AggregateID]; v != nil {
		return v.Version
	}
	return 0
}

// Apply implements [projector.Batch].
func (b *paymentBatch) Apply(e projector.Event) error {
	v := b.row(e.AggregateID)
	*v = v.Apply(e.Envelope, e.Data)
	b.changed[e.AggregateID] = true
	return nil
}

// Skip implements [projector.Batch].
func (b *paymentBatch) Skip(e projector.Event) {
	v := b.row(e.AggregateID)
	if v.OrderID == uuid.Nil {
		v.OrderID = e.OrderID
	}
	v.Version, v.UpdatedAt = e.Version, e.Timestamp
	b.changed[e.AggregateID] = true
}

// Flush implements [projector.Batch].
func (b *paymentBatch) Flush(q *pgx.Batch) {
	if len(b.changed) == 0 {
		return
	}
	n := len(b.changed)
	ids, orders := make([]uuid.UUID, 0, n), make([]uuid.UUID, 0, n)
	versions := make([]int64, 0, n)
	var statuses, currencies, authorized, captured, refunded, refs, states []string
	var expires []*time.Time
	var updated []time.Time
	var open []bool
	for _, id := range projector.SortedIDs(b.changed) {
		v := b.rows[id]
		ids, orders, versions = append(ids, id), append(orders, v.OrderID), append(versions, v.Version)
		statuses, currencies = append(statuses, string(v.Status)), append(currencies, v.Authorized.Currency)
		authorized, captured = append(authorized, v.Authorized.Amount.String()), append(captured, v.Captured.Amount.String())
		refunded, refs, expires = append(refunded, v.Refunded.Amount.String()), append(refs, v.GatewayRef), append(expires, projector.TimeOrNil(v.ExpiresAt))
		states, updated = append(states, projector.JSONText(v.Payment)), append(updated, v.UpdatedAt)
		open = append(open, len(v.OpenRefunds()) > 0)
	}
	// A row is a function of the stream up to its version, so the higher version is right.
	projector.Queue(q, b.in.SQL(`INSERT INTO {payment_views} AS t (payment_id, order_id, version, status, currency, authorized_amount, captured_amount,
			refunded_amount, gateway_ref, expires_at, updated_at, state, refunds_open)
		SELECT a, b, c, d, e, f::numeric, g::numeric, h::numeric, i, j, k, l::jsonb, m
		FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::timestamptz[], $11::timestamptz[], $12::text[], $13::boolean[]) AS u(a, b, c, d, e, f, g, h, i, j, k, l, m)
		ON CONFLICT (payment_id) DO UPDATE SET order_id = excluded.order_id, version = excluded.version, status = excluded.status,
			currency = excluded.currency, authorized_amount = excluded.authorized_amount, captured_amount = excluded.captured_amount,
			refunded_amount = excluded.refunded_amount, gateway_ref = excluded.gateway_ref, expires_at = excluded.expires_at,
			updated_at = excluded.updated_at, state = excluded.state, refunds_open = excluded.refunds_open
		WHERE t.version < excluded.version`),
		ids, orders, versions, statuses, currencies, authorized, captured, refunded, refs, expires, updated, states, open)
}
