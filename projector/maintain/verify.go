package projector

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/readmodel"
)

const (
	// verifyPage is how many streams are compared at once.
	verifyPage = 500
	// differencesMax bounds the differences that are described; all are counted.
	differencesMax = 100
)

// Difference is a view that is not the fold of its events.
type Difference struct {
	View string `json:"view"`
	Key  string `json:"key"`
	// Want is the fold, Have the view, both as JSON; Have is empty when there is no row.
	Want string `json:"want,omitempty"`
	Have string `json:"have,omitempty"`
}

// Verification is what comparing the views with the event store has shown.
type Verification struct {
	Streams   int64 `json:"streams"`
	Events    int64 `json:"events"`
	Rows      int64 `json:"rows"`
	Customers int64 `json:"customers"`
	// Behind counts views that did not have all events of a stream yet; they are compared as of the version
	// they have. Parked are left out.
	Behind int64 `json:"behind"`
	Parked int64 `json:"parked"`
	// Wrong counts the differences, Differences describes the first of them.
	Wrong       int64        `json:"wrong"`
	Differences []Difference `json:"differences,omitempty"`
}

// OK reports whether every view is equal to the fold of the events that it has.
func (v Verification) OK() bool { return v.Wrong == 0 }

func (v *Verification) differ(view, key, want, have string) {
	v.Wrong++
	if len(v.Differences) < differencesMax {
		v.Differences = append(v.Differences, Difference{View: view, Key: key, Want: want, Have: have})
	}
}

// Verify compares every view with the fold of its events, by way of the read model's own folds, which share
// nothing with the writing of the views. It only reads, a page at a time, and may be run while everything
// else runs.
func (m *Mender) Verify(ctx context.Context, streams StreamLister, progress func(Verification)) (Verification, error) {
	var v Verification
	err := eachPage(ctx, streams, verifyPage, func(page []eventstore.StreamVersion) error {
		if err := m.verifyPage(ctx, &v, page); err != nil {
			return err
		}
		if progress != nil {
			progress(v)
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	return v, m.verifyCustomers(ctx, &v)
}

// verifyPage compares the views of some streams. A payment's part of its order is compared with the order.
func (m *Mender) verifyPage(ctx context.Context, v *Verification, page []eventstore.StreamVersion) error {
	v.Streams += int64(len(page))
	rows, err := m.readRows(ctx, page)
	if err != nil {
		return err
	}
	for _, s := range page {
		events, err := m.load(ctx, s.Stream.Type, s.Stream.ID)
		if err != nil {
			return err
		}
		v.Events += int64(len(events))
		if err := m.verifyTimeline(ctx, v, rows, s, events); err != nil {
			return err
		}
		switch s.Stream.Type {
		case domain.AggregateOrder:
			err = m.verifyOrder(ctx, v, rows, s.Stream.ID, events)
		case domain.AggregatePayment:
			err = verifyPayment(v, rows, s.Stream.ID, events)
		case domain.AggregateInventory:
			err = verifyStock(v, rows, s.Stream.ID, events)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// viewRows are the views of a page of streams.
type viewRows struct {
	// columns are what a view keeps for lists beside the state that the fold goes on from, as JSON.
	columns   map[uuid.UUID][]byte
	orders    map[uuid.UUID]readmodel.OrderView
	payments  map[uuid.UUID]readmodel.PaymentView
	stock     map[uuid.UUID]readmodel.StockLevel
	timeline  map[uuid.UUID]timelineSum
	parked    map[parkedKey]bool
	discarded map[parkedKey]map[int64]bool
}

// timelineSum sums up the entries of a stream.
type timelineSum struct{ entries, last int64 }

func (m *Mender) readRows(ctx context.Context, page []eventstore.StreamVersion) (*viewRows, error) {
	ids := make([]uuid.UUID, 0, 2*len(page))
	for _, s := range page {
		ids = append(ids, s.Stream.ID)
		if s.Stream.Type == domain.AggregateOrder {
			ids = append(ids, payment.ID(s.Stream.ID))
		}
	}
	r := &viewRows{
		columns: map[uuid.UUID][]byte{}, orders: map[uuid.UUID]readmodel.OrderView{}, payments: map[uuid.UUID]readmodel.PaymentView{},
		stock:    map[uuid.UUID]readmodel.StockLevel{},
		timeline: map[uuid.UUID]timelineSum{}, parked: map[parkedKey]bool{}, discarded: map[parkedKey]map[int64]bool{},
	}
	q := &pgx.Batch{}
	orders := &orderBatch{in: Live, rows: map[uuid.UUID]*orderRow{}}
	orders.compare(q, ids) // the versions; all else of a row is among the columns below
	q.Queue("SELECT "+readmodel.PaymentColumns+" FROM orderloom.payment_views WHERE payment_id = ANY($1)", ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			p, err := readmodel.ScanPayment(rows)
			if err != nil {
				return err
			}
			r.payments[p.ID] = p
		}
		return rows.Err()
	})
	q.Queue(`SELECT order_id, json_build_object('created_at', created_at, 'order_number', order_number, 'customer_id', customer_id, 'status', status,
			'fulfillment_status', fulfillment_status, 'payment_status', payment_status, 'total', trim_scale(total_amount)::text, 'currency', currency,
			'captured', trim_scale(captured_amount)::text, 'refunded', trim_scale(refunded_amount)::text, 'skus', skus, 'shown', shown,
			'personal_key', personal_key, 'personal_data', encode(personal_data, 'hex'), 'order_state', order_state, 'payment_state', payment_state)
			FROM orderloom.order_views WHERE order_id = ANY($1)
		UNION ALL SELECT payment_id, json_build_object('order_id', order_id, 'status', status, 'currency', currency, 'gateway_ref', gateway_ref,
			'authorized', trim_scale(authorized_amount)::text, 'captured', trim_scale(captured_amount)::text, 'refunded', trim_scale(refunded_amount)::text)
			FROM orderloom.payment_views WHERE payment_id = ANY($1)`, ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var id uuid.UUID
			var columns []byte
			if err := rows.Scan(&id, &columns); err != nil {
				return err
			}
			r.columns[id] = columns
		}
		return rows.Err()
	})
	b := Stock{}.Open(q, Place{looking: true}, keysOf(ids)).(*stockBatch)
	q.Queue("SELECT aggregate_id, count(*), max(version) FROM orderloom.order_timeline WHERE aggregate_id = ANY($1) GROUP BY aggregate_id", ids).
		Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var id uuid.UUID
				var t timelineSum
				if err := rows.Scan(&id, &t.entries, &t.last); err != nil {
					return err
				}
				r.timeline[id] = t
			}
			return rows.Err()
		})
	q.Queue("SELECT projection, aggregate_id FROM orderloom.parked_streams WHERE aggregate_id = ANY($1)", ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var k parkedKey
			if err := rows.Scan(&k.projection, &k.id); err != nil {
				return err
			}
			r.parked[k] = true
		}
		return rows.Err()
	})
	q.Queue("SELECT projection, aggregate_id, version FROM orderloom.discarded_events WHERE aggregate_id = ANY($1)", ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var k parkedKey
			var version int64
			if err := rows.Scan(&k.projection, &k.id, &version); err != nil {
				return err
			}
			if r.discarded[k] == nil {
				r.discarded[k] = map[int64]bool{}
			}
			r.discarded[k][version] = true
		}
		return rows.Err()
	})
	// As of one moment, so that the parts of a row which several statements read belong together.
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, m.engine.pool, snapshot, func(tx pgx.Tx) error { return tx.SendBatch(ctx, q).Close() })
	if err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	for id, o := range orders.rows {
		r.orders[id] = o.view
	}
	for id, l := range b.rows {
		r.stock[id] = *l
	}
	return r, nil
}

func keysOf(ids []uuid.UUID) []Key {
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i].AggregateID = id
	}
	return keys
}

func (m *Mender) load(ctx context.Context, aggregateType string, id uuid.UUID) ([]domain.Envelope, error) {
	events, err := m.engine.source.Load(ctx, aggregateType, id, 0)
	if err != nil {
		return nil, fmt.Errorf("load %s %s: %w", aggregateType, id, err)
	}
	return events, nil
}

// seen returns the events that a view has: those up to its version, without those left out of it.
func (r *viewRows) seen(v *Verification, projection string, id uuid.UUID, version int64, events []domain.Envelope) []domain.Envelope {
	var seen []domain.Envelope
	for _, env := range events {
		if env.Version <= version && !r.discarded[parkedKey{projection, id}][env.Version] {
			seen = append(seen, env)
		}
	}
	if len(events) > 0 && version < events[len(events)-1].Version {
		if r.parked[parkedKey{projection, id}] {
			v.Parked++
		} else {
			v.Behind++
		}
	}
	return seen
}

func (m *Mender) verifyOrder(ctx context.Context, v *Verification, rows *viewRows, id uuid.UUID, events []domain.Envelope) error {
	have, exists := rows.orders[id]
	payments, err := m.load(ctx, domain.AggregatePayment, payment.ID(id))
	if err != nil {
		return err
	}
	seen := rows.seen(v, "orders", id, have.Version, events)
	seenPayments := rows.seen(v, "orders", payment.ID(id), have.PaymentVersion, payments)
	if !exists {
		return nil // counted as behind
	}
	v.Rows++
	want, err := readmodel.FoldOrder(seen, seenPayments)
	if err != nil {
		return err
	}
	want.OrderID, want.Version, want.PaymentVersion = id, have.Version, have.PaymentVersion // which discarded events raise
	return compare(v, "order_views", id.String(), columnsOf(want), json.RawMessage(rows.columns[id]))
}

// columnsOf is what the columns of an order's row hold.
func columnsOf(o readmodel.OrderView) map[string]any {
	t := textsOf(o)
	columns := map[string]any{
		"payment_status": o.PaymentStatus, "captured": o.Captured.Amount.String(), "refunded": o.Refunded.Amount.String(),
		"shown": json.RawMessage(t.shown), "personal_key": t.personalKey, "order_state": rawJSON(t.orderState), "payment_state": rawJSON(t.paymentState),
	}
	if t.personalKey != nil {
		columns["personal_data"] = hex.EncodeToString(o.Personal.Data)
	}
	if o.Status != "" {
		columns["created_at"], columns["order_number"], columns["customer_id"], columns["status"] = o.CreatedAt, o.OrderNumber, o.CustomerID, o.Status
		columns["fulfillment_status"], columns["total"], columns["currency"] = o.FulfillmentStatus, o.Total.Amount.String(), o.Total.Currency
		columns["skus"] = skus(o.Items)
	}
	return columns
}

func rawJSON(s *string) json.RawMessage {
	if s == nil {
		return nil
	}
	return json.RawMessage(*s)
}

func verifyPayment(v *Verification, rows *viewRows, id uuid.UUID, events []domain.Envelope) error {
	have, exists := rows.payments[id]
	seen := rows.seen(v, "payments", id, have.Version, events)
	if !exists {
		return nil
	}
	v.Rows++
	var want readmodel.PaymentView
	for _, env := range seen {
		e, err := catalog.Decode(env)
		if err != nil {
			return err
		}
		want = want.Apply(env, e)
	}
	want.Version, want.ID = have.Version, id
	columns := map[string]any{
		"order_id": want.OrderID, "status": want.Status, "currency": want.Authorized.Currency, "gateway_ref": want.GatewayRef,
		"authorized": want.Authorized.Amount.String(), "captured": want.Captured.Amount.String(), "refunded": want.Refunded.Amount.String(),
	}
	if err := compare(v, "payment_views", id.String(), columns, json.RawMessage(rows.columns[id])); err != nil {
		return err
	}
	return compare(v, "payment_views", id.String(), want, have)
}

func verifyStock(v *Verification, rows *viewRows, id uuid.UUID, events []domain.Envelope) error {
	have, exists := rows.stock[id]
	seen := rows.seen(v, "stock", id, have.Version, events)
	if !exists {
		return nil
	}
	v.Rows++
	var want readmodel.StockLevel
	for _, env := range seen {
		e, err := catalog.Decode(env)
		if err != nil {
			return err
		}
		want = want.Apply(env, e)
	}
	want.Version = have.Version
	type row struct {
		readmodel.StockLevel
		Backorders any `json:"backorders"`
	}
	// What follows from the rest is not kept in the row.
	want.Available, want.Backordered = have.Available, have.Backordered
	return compare(v, "stock_levels", id.String(), row{want, want.Backorders}, row{have, have.Backorders})
}

// verifyTimeline checks that every event up to the last one has its entry.
func (m *Mender) verifyTimeline(_ context.Context, v *Verification, rows *viewRows, s eventstore.StreamVersion, events []domain.Envelope) error {
	have := rows.timeline[s.Stream.ID]
	_ = rows.seen(v, "timeline", s.Stream.ID, have.last, events)
	if have.entries != have.last {
		v.differ("order_timeline", s.Stream.ID.String(), fmt.Sprintf("%d entries", have.last), fmt.Sprintf("%d entries", have.entries))
	}
	v.Rows += have.entries
	return nil
}

// compare compares two views by their JSON, in which amounts of the same value are the same.
func compare(v *Verification, view, key string, want, have any) error {
	w, err := json.Marshal(want)
	if err != nil {
		return err
	}
	h, err := json.Marshal(have)
	if err != nil {
		return err
	}
	if equal, err := equalJSON(w, h); err != nil || equal {
		return err
	}
	v.differ(view, key, string(w), string(h))
	return nil
}

// equalJSON compares without regard to the order of keys and to how a time or an empty list is written.
func equalJSON(a, b []byte) (bool, error) {
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		return false, err
	}
	return reflect.DeepEqual(normal(x), normal(y)), nil
}

func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if n := normal(e); n != nil {
				out[k] = n
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = normal(v[i])
		}
		return v
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
		}
	}
	return v
}

// verifyCustomers compares the summaries with sums over the orders, in one statement and so as of one
// moment.
func (m *Mender) verifyCustomers(ctx context.Context, v *Verification) error {
	rows, err := m.engine.pool.Query(ctx, `
		WITH want AS (
			SELECT customer_id, currency, count(*) AS orders, count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
				count(*) FILTER (WHERE status = 'delivered') AS delivered,
				coalesce(sum(total_amount) FILTER (WHERE status <> 'cancelled'), 0) AS total_amount,
				min(created_at) AS first_order_at, max(created_at) AS last_order_at
			FROM orderloom.order_views WHERE status IS NOT NULL GROUP BY customer_id, currency)
		SELECT coalesce(w.customer_id, h.customer_id), coalesce(w.currency, h.currency), coalesce(to_jsonb(w)::text, ''), coalesce(to_jsonb(h)::text, ''),
			w.orders IS NOT DISTINCT FROM h.orders AND w.cancelled IS NOT DISTINCT FROM h.cancelled AND w.delivered IS NOT DISTINCT FROM h.delivered
			AND w.total_amount IS NOT DISTINCT FROM h.total_amount AND w.first_order_at IS NOT DISTINCT FROM h.first_order_at
			AND w.last_order_at IS NOT DISTINCT FROM h.last_order_at
		FROM want w FULL JOIN orderloom.customer_summaries h ON w.customer_id = h.customer_id AND w.currency = h.currency`)
	if err != nil {
		return fmt.Errorf("compare customers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var customer, currency, want, have string
		var equal bool
		if err := rows.Scan(&customer, &currency, &want, &have, &equal); err != nil {
			return fmt.Errorf("compare customers: %w", err)
		}
		v.Customers++
		if !equal {
			v.differ("customer_summaries", customer+"/"+currency, want, have)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("compare customers: %w", err)
	}
	return nil
}
