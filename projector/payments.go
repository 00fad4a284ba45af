package projector

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
)

// Payments keeps payment_views: one row for each payment.
type Payments struct{}

// Name implements [Projection].
func (Payments) Name() string { return "payments" }

// Aggregates implements [Projection].
func (Payments) Aggregates() []string { return []string{domain.AggregatePayment} }

// Tables implements [Projection].
func (Payments) Tables() []Table {
	return []Table{{Name: "payment_views", Key: []string{"payment_id"}, Versions: []string{"version"}}}
}

// Open implements [Projection].
func (Payments) Open(q *pgx.Batch, in Place, keys []Key) Batch {
	b := &paymentBatch{in: in, rows: map[uuid.UUID]*readmodel.PaymentView{}, changed: map[uuid.UUID]bool{}}
	q.Queue(in.SQL(`SELECT payment_id, order_id, version, status, currency, authorized_amount::text, captured_amount::text, refunded_amount::text,
			gateway_ref, action_url, expires_at, captures, refunds, updated_at
		FROM {payment_views} WHERE payment_id = ANY($1)`), aggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			v := &readmodel.PaymentView{}
			var currency, authorized, captured, refunded string
			var expires *time.Time
			if err := rows.Scan(&v.ID, &v.OrderID, &v.Version, &v.Status, &currency, &authorized, &captured, &refunded,
				&v.GatewayRef, &v.ActionURL, &expires, &v.Captures, &v.Refunds, &v.UpdatedAt); err != nil {
				return err
			}
			if expires != nil {
				v.ExpiresAt = expires.UTC()
			}
			var err error
			if v.Authorized, err = amount(authorized, currency); err != nil {
				return err
			}
			if v.Captured, err = amount(captured, currency); err != nil {
				return err
			}
			if v.Refunded, err = amount(refunded, currency); err != nil {
				return err
			}
			b.rows[v.ID] = v
		}
		return rows.Err()
	})
	return b
}

type paymentBatch struct {
	in      Place
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

func (b *paymentBatch) Version(k Key) int64 {
	if v := b.rows[k.AggregateID]; v != nil {
		return v.Version
	}
	return 0
}

func (b *paymentBatch) Apply(e Event) error {
	v := b.row(e.AggregateID)
	*v = v.Apply(e.Envelope, e.Data)
	b.changed[e.AggregateID] = true
	return nil
}

func (b *paymentBatch) Skip(e Event) {
	v := b.row(e.AggregateID)
	if v.OrderID == uuid.Nil {
		v.OrderID = e.OrderID
	}
	v.Version, v.UpdatedAt = e.Version, e.Timestamp
	b.changed[e.AggregateID] = true
}

func (b *paymentBatch) Flush(q *pgx.Batch) {
	if len(b.changed) == 0 {
		return
	}
	n := len(b.changed)
	ids, orders := make([]uuid.UUID, 0, n), make([]uuid.UUID, 0, n)
	versions := make([]int64, 0, n)
	var statuses, currencies, authorized, captured, refunded, refs, urls, captures, refunds []string
	var expires []*time.Time
	var updated []time.Time
	for _, id := range sortedIDs(b.changed) {
		v := b.rows[id]
		ids, orders, versions = append(ids, id), append(orders, v.OrderID), append(versions, v.Version)
		statuses, currencies = append(statuses, string(v.Status)), append(currencies, v.Authorized.Currency)
		authorized, captured, refunded = append(authorized, v.Authorized.Amount.String()), append(captured, v.Captured.Amount.String()), append(refunded, v.Refunded.Amount.String())
		refs, urls, expires = append(refs, v.GatewayRef), append(urls, v.ActionURL), append(expires, timeOrNil(v.ExpiresAt))
		captures, refunds = append(captures, jsonText(v.Captures)), append(refunds, jsonText(v.Refunds))
		updated = append(updated, v.UpdatedAt)
	}
	// A row is a function of the stream up to its version, so the higher version is right.
	q.Queue(b.in.SQL(`INSERT INTO {payment_views} AS t (payment_id, order_id, version, status, currency, authorized_amount, captured_amount,
			refunded_amount, gateway_ref, action_url, expires_at, captures, refunds, updated_at)
		SELECT a, b, c, d, e, f::numeric, g::numeric, h::numeric, i, j, k, l::jsonb, m::jsonb, n
		FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::timestamptz[], $12::text[], $13::text[], $14::timestamptz[]) AS u(a, b, c, d, e, f, g, h, i, j, k, l, m, n)
		ON CONFLICT (payment_id) DO UPDATE SET order_id = excluded.order_id, version = excluded.version, status = excluded.status,
			currency = excluded.currency, authorized_amount = excluded.authorized_amount, captured_amount = excluded.captured_amount,
			refunded_amount = excluded.refunded_amount, gateway_ref = excluded.gateway_ref, action_url = excluded.action_url,
			expires_at = excluded.expires_at, captures = excluded.captures, refunds = excluded.refunds, updated_at = excluded.updated_at
		WHERE t.version < excluded.version`),
		ids, orders, versions, statuses, currencies, authorized, captured, refunded, refs, urls, expires, captures, refunds, updated)
}

// aggregateIDs returns the ids of the streams, each once.
func aggregateIDs(keys []Key) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(keys))
	seen := make(map[uuid.UUID]bool, len(keys))
	for _, k := range keys {
		if !seen[k.AggregateID] {
			seen[k.AggregateID] = true
			ids = append(ids, k.AggregateID)
		}
	}
	return ids
}

// sortedIDs returns the ids in the order in which rows are written, the same in every projector.
func sortedIDs[V any](m map[uuid.UUID]V) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// amount makes money of a numeric column.
func amount(s, currency string) (money.Money, error) {
	d, err := decimal.NewFromString(s)
	return money.Money{Amount: d, Currency: currency}, err
}

// jsonText returns v as JSON. It is for types that can't fail.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("projector: " + err.Error())
	}
	return string(b)
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
