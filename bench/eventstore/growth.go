package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// Where growth is measured from, and how many events one statement of the filling makes.
const (
	growthFrom    = 20_000
	growthChunk   = 500_000
	growthWriters = 64
)

// fillSQL stores n events in streams of three, as appends would have left them, only faster.
const fillSQL = `
	WITH made AS MATERIALIZED (
		SELECT gen_random_uuid() AS id, nextval('orderloom.event_sequence') AS a, nextval('orderloom.event_sequence') AS b,
			nextval('orderloom.event_sequence') AS c
		FROM generate_series(1, $1 / 3)
	), streams AS (
		INSERT INTO orderloom.streams (aggregate_id, version, first_sequence, aggregate_type) SELECT id, 3, a, 'inventory' FROM made
	)
	INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type,
		correlation_id, causation_id, user_id, traceparent, payload)
	SELECT e.sequence, e.version, now(), made.id, gen_random_uuid(), 1, 'inventory', 'StockReserved',
		made.id::text, 'order-' || made.id || '/reserve-stock', 'customer-4711', NULL, $2
	FROM made CROSS JOIN LATERAL (VALUES (a, 1), (b, 2), (c, 3)) AS e(sequence, version)`

// grow compares appends at twenty thousand events with appends at many.
func (s *suite) grow(ctx context.Context, events, rounds int) error {
	if err := s.empty(ctx); err != nil {
		return err
	}
	if err := s.fill(ctx, growthFrom); err != nil {
		return err
	}
	few := &kase{name: "append of 3 at 20 thousand events, 64 writers", writers: growthWriters, events: eventsPerThree, call: s.appendNew(eventsPerThree)}
	many := &kase{
		name:    fmt.Sprintf("append of 3 at %.0f million events, 64 writers", float64(events)/1e6),
		writers: growthWriters, events: eventsPerThree, call: s.appendNew(eventsPerThree),
	}
	s.cases = append(s.cases, few, many)
	if err := s.repeat(ctx, few, rounds); err != nil {
		return err
	}
	if err := s.fill(ctx, events-growthFrom); err != nil {
		return err
	}
	if err := s.repeat(ctx, many, rounds); err != nil {
		return err
	}
	s.growth = float64(int(many.median().calls/few.median().calls*1000)) / 1000
	return nil
}

func (s *suite) repeat(ctx context.Context, k *kase, rounds int) error {
	// What the filling left to write is written first, or the checkpoint would be measured.
	if _, err := s.db.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	for range rounds {
		if err := s.measure(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// empty drops what the other cases have stored.
func (s *suite) empty(ctx context.Context) error {
	_, err := s.db.Exec(ctx, "TRUNCATE orderloom.events, orderloom.streams, orderloom.snapshots, bench.bare, bench.naive")
	return err
}

func (s *suite) fill(ctx context.Context, events int) error {
	began, last := time.Now(), time.Now()
	for done := 0; done < events; {
		n := min(growthChunk, events-done)
		err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
			for _, sql := range []string{"SELECT orderloom.ensure_partitions()", "SET LOCAL synchronous_commit = off"} {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, fillSQL, n, string(payload))
			return err
		})
		if err != nil {
			return err
		}
		done += n
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			left := time.Since(began) * time.Duration(events-done) / time.Duration(done)
			fmt.Fprintf(os.Stderr, "filling: %d of %d events, %s to go\n", done, events, left.Round(time.Second))
		}
	}
	for _, table := range []string{"streams", "events"} {
		if _, err := s.db.Exec(ctx, "VACUUM ANALYZE orderloom."+table); err != nil {
			return err
		}
	}
	return nil
}
