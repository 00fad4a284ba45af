package rig

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/progress"
)

// fillStep is how many orders one transaction adds.
const fillStep = 50_000

// Fill adds orders to the event store and the views. They are copies of delivered orders, which must be there
// already, with ids, numbers, customers and times of their own. It stops the platform meanwhile.
//
// Nine of ten stay delivered. The columns of the others say that they are confirmed, shipped or cancelled, so that
// lists by status find few among many.
func (r *Rig) Fill(ctx context.Context, orders int) error {
	if err := r.StopPlatform(ctx); err != nil {
		return err
	}
	defer progress.Tick(r.options.Log, fmt.Sprintf("adding %d orders", orders))()
	conn, err := pgx.Connect(ctx, r.Database+"&synchronous_commit=off")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, sql := range templates {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("choose orders to copy: %w", err)
		}
	}
	for from := 0; from < orders; from += fillStep {
		for _, sql := range copies {
			if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeExec, from, min(from+fillStep, orders)-1); err != nil {
				return fmt.Errorf("copy orders: %w", err)
			}
		}
	}
	for _, sql := range settled {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("settle what was copied: %w", err)
		}
	}
	if err := r.StartPlatform(ctx); err != nil {
		return err
	}
	return r.awaitHousekeeping(ctx)
}

// awaitHousekeeping waits until the platform has made the indexes of the partitions that are now full. That takes
// minutes of one processor.
func (r *Rig) awaitHousekeeping(ctx context.Context) error {
	began := time.Now()
	for {
		var due int
		const sql = `SELECT count(*) FROM orderloom.partitions
			WHERE indexed_at IS NULL AND to_sequence <= (SELECT max(sequence) FROM orderloom.events)`
		if err := r.Pool.QueryRow(ctx, sql).Scan(&due); err != nil {
			return fmt.Errorf("look for partitions without their indexes: %w", err)
		}
		if due == 0 {
			r.options.Log("housekeeping had its end after %s", time.Since(began).Round(time.Second))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(housekeepingLook):
			r.options.Log("waiting for the indexes of %d full partitions of events, %s so far", due, time.Since(began).Round(time.Second))
		}
	}
}

const housekeepingLook = 10 * time.Second

// templates chooses the orders to copy. In the statements below, o is the order and p its payment.
var templates = []string{
	`CREATE TEMP TABLE template AS SELECT row_number() OVER () - 1 AS n, v.order_id AS o, p.payment_id AS p
		FROM (SELECT * FROM orderloom.order_views WHERE status = 'delivered' LIMIT 50) v JOIN orderloom.payment_views p USING (order_id)`,
	`CREATE TEMP TABLE template_events AS SELECT t.n, e.aggregate_id = t.o AS of_order, e.* FROM template t
		JOIN orderloom.events e ON e.aggregate_id IN (t.o, t.p)`,
	`CREATE TEMP TABLE template_timeline AS SELECT t.n, e.aggregate_id = t.o AS of_order, e.* FROM template t
		JOIN orderloom.order_timeline e ON e.aggregate_id IN (t.o, t.p)`,
	`CREATE TEMP TABLE templates AS SELECT count(*)::int AS of FROM template`,
}

// copies adds the orders $1 to $2.
var copies = []string{
	`SELECT orderloom.ensure_partitions() WHERE $1::int <= $2::int`,
	`INSERT INTO orderloom.streams (aggregate_id, version, first_sequence, aggregate_type)
		SELECT md5(k || g)::uuid, s.version, s.first_sequence, s.aggregate_type FROM generate_series($1::int, $2::int) g
		JOIN template t ON t.n = g % (SELECT of FROM templates), LATERAL (VALUES ('o', t.o), ('p', t.p)) AS x(k, id)
		JOIN orderloom.streams s ON s.aggregate_id = x.id`,
	`INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type,
			correlation_id, causation_id, user_id, traceparent, payload)
		SELECT nextval('orderloom.event_sequence'), e.version, e."timestamp", md5(CASE WHEN of_order THEN 'o' ELSE 'p' END || g)::uuid,
			gen_random_uuid(), e.event_version, e.aggregate_type, e.event_type, md5('o' || g)::uuid::text, e.causation_id, e.user_id, e.traceparent, e.payload
		FROM generate_series($1::int, $2::int) g JOIN template_events e ON e.n = g % (SELECT of FROM templates)`,
	`INSERT INTO orderloom.order_timeline (aggregate_id, version, sequence, event_id, order_id, occurred_at, aggregate_type, event_type, summary, caused_by)
		SELECT md5(CASE WHEN of_order THEN 'o' ELSE 'p' END || g)::uuid, e.version, e.sequence, e.event_id, md5('o' || g)::uuid, e.occurred_at,
			e.aggregate_type, e.event_type, e.summary, e.caused_by
		FROM generate_series($1::int, $2::int) g JOIN template_timeline e ON e.n = g % (SELECT of FROM templates)`,
	`INSERT INTO orderloom.payment_views (payment_id, order_id, version, status, currency, authorized_amount, captured_amount, refunded_amount,
			gateway_ref, expires_at, updated_at, state)
		SELECT md5('p' || g)::uuid, md5('o' || g)::uuid, v.version, v.status, v.currency, v.authorized_amount, v.captured_amount, v.refunded_amount,
			v.gateway_ref || '-' || g, v.expires_at, v.updated_at, v.state
		FROM generate_series($1::int, $2::int) g JOIN template t ON t.n = g % (SELECT of FROM templates)
		JOIN orderloom.payment_views v ON v.payment_id = t.p`,
	`INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status,
			fulfillment_status, total_amount, currency, skus, shown, personal_key, personal_data, payment_status, captured_amount, refunded_amount,
			order_state, payment_state)
		SELECT c.order_id, v.version, v.payment_version, c.created_at, v.updated_at, c.order_number, c.customer_id, c.status,
			v.fulfillment_status, c.total, v.currency, v.skus, ` + shownCopy + `::json, v.personal_key, v.personal_data, v.payment_status,
			v.captured_amount, v.refunded_amount, v.order_state, v.payment_state
		FROM generate_series($1::int, $2::int) g JOIN template t ON t.n = g % (SELECT of FROM templates)
		JOIN orderloom.order_views v ON v.order_id = t.o,
		LATERAL (SELECT md5('o' || g)::uuid AS order_id, v.created_at - g * interval '7 seconds' AS created_at,
			'COPY-' || to_char(g, 'FM000000000') AS order_number, 'customer-of-' || g % 50000 AS customer_id, v.total_amount + g % 500 AS total,
			CASE g % 30 WHEN 0 THEN 'cancelled' WHEN 1 THEN 'shipped' WHEN 2 THEN 'confirmed' ELSE v.status END AS status) c`,
}

// shownCopy is the shown order v with the members that differ in its copy c. The first member of a name is the
// order's own.
const shownCopy = `regexp_replace(regexp_replace(regexp_replace(replace(replace(replace(v.shown::text,
			v.order_id::text, c.order_id::text), v.order_number, c.order_number), '"' || v.customer_id || '"', '"' || c.customer_id || '"'),
			'"status":"[a-z]+"', '"status":"' || c.status || '"'),
			'"total":{"amount":"[0-9.]+"', '"total":{"amount":"' || to_char(c.total, 'FM999999990.00') || '"'),
			'"created_at":"[^"]+"', '"created_at":"' || to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"')`

// settled says that Kafka has the copied events, and updates the planner's statistics.
var settled = []string{
	`UPDATE orderloom.relay_cursors SET position = (SELECT last_value FROM orderloom.event_sequence)`,
	`VACUUM (ANALYZE) orderloom.streams, orderloom.events, orderloom.order_views, orderloom.payment_views, orderloom.order_timeline`,
	`CHECKPOINT`,
}
