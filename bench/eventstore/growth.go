package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/migrations"
)

// How many events growth is measured from, and how the store is filled.
const (
	growthFrom    = 20_000
	growthChunk   = 250_000
	growthFillers = 3
	growthWriters = 64
	// growthWarm appends are made before anything is measured. After a checkpoint, PostgreSQL writes the whole page
	// to its log when a page is first touched. A store runs most of the time between checkpoints.
	growthWarm = 60_000
)

// fillSQL stores n events in streams of three. The rows are those of appends.
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

// grow compares appends at twenty thousand events with appends at many. It measures two databases of the same server
// in turn.
func (s *suite) grow(ctx context.Context, events, rounds int) error {
	few, err := s.filled(ctx, "orderloom_growth_few", growthFrom)
	if err != nil {
		return err
	}
	defer few.close(ctx)
	many, err := s.filled(ctx, "orderloom_growth_many", events)
	if err != nil {
		return err
	}
	defer many.close(ctx)
	if err := s.exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	small := s.add("append of 3 at 20 thousand events, 64 writers", growthWriters, eventsPerThree, few.appendNew(eventsPerThree))
	large := s.add(fmt.Sprintf("append of 3 at %.0f million events, 64 writers", float64(events)/1e6), growthWriters, eventsPerThree,
		many.appendNew(eventsPerThree))
	for _, k := range []*kase{small, large} {
		if err := k.warm(ctx, growthWarm); err != nil {
			return err
		}
	}
	// Housekeeping makes the filters of event ids within a minute. It also makes the lookup indexes of full
	// partitions, which take minutes and cost an append nothing; they are left out.
	if _, err := many.db.Exec(ctx, "UPDATE orderloom.partitions SET indexed_at = now()"); err != nil {
		return err
	}
	if _, err := many.store.Maintain(ctx); err != nil {
		return err
	}
	if err := large.warm(ctx, growthWarm); err != nil {
		return err
	}
	for range rounds {
		for _, k := range []*kase{small, large} {
			if err := s.measure(ctx, k); err != nil {
				return err
			}
		}
	}
	s.growth = float64(int(large.median().calls/small.median().calls*1000)) / 1000
	return nil
}

// warm makes calls without measuring them.
func (k *kase) warm(ctx context.Context, calls int64) error {
	var left atomic.Int64
	left.Store(calls)
	errs := make([]error, k.writers)
	var wg sync.WaitGroup
	for w := range k.writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 && errs[w] == nil {
				errs[w] = k.call(ctx, w)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// filled returns a suite without cases, on a database of its own with so many events in it.
func (s *suite) filled(ctx context.Context, database string, events int) (*suite, error) {
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + database + " WITH (FORCE)", "CREATE DATABASE " + database} {
		if err := s.exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	address, err := url.Parse(s.server.url)
	if err != nil {
		return nil, err
	}
	address.Path = "/" + database
	pool, err := pgxpool.New(ctx, address.String())
	if err != nil {
		return nil, err
	}
	if err := migrations.Apply(ctx, pool); err != nil {
		return nil, err
	}
	store, err := eventstore.Open(ctx, pool, eventstore.Options{})
	if err != nil {
		return nil, err
	}
	f := &suite{server: s.server, db: pool, store: store}
	return f, f.fill(ctx, events)
}

func (s *suite) fill(ctx context.Context, events int) error {
	began := time.Now()
	var claimed, done atomic.Int64
	errs := make([]error, growthFillers)
	var wg sync.WaitGroup
	for i := range growthFillers {
		wg.Go(func() {
			for errs[i] == nil {
				from := claimed.Add(growthChunk) - growthChunk
				n := min(growthChunk, int64(events)-from)
				if n <= 0 {
					return
				}
				errs[i] = s.fillChunk(ctx, n)
				if sum := done.Add(n); sum%(growthChunk*8) == 0 {
					left := time.Since(began) * time.Duration(int64(events)-sum) / time.Duration(sum)
					fmt.Fprintf(os.Stderr, "filling: %d of %d events, %s to go\n", sum, events, left.Round(time.Second))
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.exec(ctx, "VACUUM ANALYZE")
}

func (s *suite) fillChunk(ctx context.Context, n int64) error {
	if err := s.exec(ctx, "SELECT orderloom.ensure_partitions()"); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, fillSQL, n, string(payload))
		return err
	})
}
