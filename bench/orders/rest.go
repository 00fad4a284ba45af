package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
)

const (
	// restSettle is how long nobody asks for anything before a rest is measured: whoever looks seldom at rest, does.
	restSettle = 30 * time.Second
	// restStatements bounds the statements that are listed.
	restStatements = 25
	// restEvents is how many events are appended, each after restEventPause and each at once.
	restEvents     = 20
	restEventPause = 3 * time.Second
)

// atRest measures what an idle platform costs in the given time, and which statements it sends. Then it halts the
// platform, and measures what Kafka costs by itself.
func atRest(ctx context.Context, r *rig.Rig, length time.Duration) error {
	sleep(ctx, restSettle)
	if _, err := r.Pool.Exec(ctx, "SELECT pg_stat_statements_reset()"); err != nil {
		return fmt.Errorf("forget statements: %w", err)
	}
	before := r.CPU()
	sleep(ctx, length)
	spent := r.CPU().Since(before)
	if err := listStatements(ctx, r, length); err != nil {
		return err
	}
	if err := syscall.Kill(r.PID(), syscall.SIGSTOP); err != nil {
		return fmt.Errorf("halt the platform: %w", err)
	}
	sleep(ctx, restSettle)
	before = r.CPU()
	sleep(ctx, length)
	halted := r.CPU().Since(before)
	if err := syscall.Kill(r.PID(), syscall.SIGCONT); err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	perSecond := func(d time.Duration) float64 { return float64(d.Milliseconds()) / length.Seconds() }
	fmt.Printf("\nAt rest, CPU-ms a second: the platform %.1f, its PostgreSQL %.1f, Kafka %.1f, of which %.1f by our requests; Temporal %.1f\n",
		perSecond(spent.Ours), perSecond(spent.PostgresOurs), perSecond(spent.Kafka), perSecond(spent.Kafka-halted.Kafka), perSecond(spent.Temporal))
	return firstEvents(ctx, r)
}

// firstEvents measures how long an event of another process takes until it is published, after a rest and beside
// others.
func firstEvents(ctx context.Context, r *rig.Rig) error {
	store, err := eventstore.Open(ctx, r.Pool, eventstore.Options{})
	if err != nil {
		return fmt.Errorf("open the event store: %w", err)
	}
	defer func() { _ = store.Close(context.WithoutCancel(ctx)) }()
	events := eventtest.Lives(1, restEvents)
	for _, pause := range []time.Duration{restEventPause, 0} {
		var took []time.Duration
		for _, e := range events[:restEvents] {
			sleep(ctx, pause)
			one, err := publish(ctx, r, store, e)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		events = events[restEvents:]
		slices.Sort(took)
		fmt.Printf("An event of another process, %s after the one before: published after %.1f ms (median), %.1f ms at most\n",
			pause, took[len(took)/2].Seconds()*1000, took[len(took)-1].Seconds()*1000)
	}
	return ctx.Err()
}

// publish appends an event, and waits until the relay has moved its cursor past it.
func publish(ctx context.Context, r *rig.Rig, store *eventstore.Store, e domain.Envelope) (time.Duration, error) {
	appended, err := store.Append(ctx, eventtest.AppendOf(e))
	if err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	begun, position := time.Now(), int64(0)
	for position < appended[0].Positions[0] && ctx.Err() == nil {
		if err := r.Pool.QueryRow(ctx, "SELECT position FROM orderloom.relay_cursors").Scan(&position); err != nil {
			return 0, fmt.Errorf("look at the relay's cursor: %w", err)
		}
		sleep(ctx, time.Millisecond/2)
	}
	return time.Since(begun), nil
}

func listStatements(ctx context.Context, r *rig.Rig, length time.Duration) error {
	rows, err := r.Pool.Query(ctx, `SELECT calls, total_exec_time, left(regexp_replace(query, '\s+', ' ', 'g'), 130)
		FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'orderloom' ORDER BY calls DESC LIMIT $1`, restStatements)
	if err != nil {
		return fmt.Errorf("list statements: %w", err)
	}
	var calls int64
	var took float64
	var query string
	fmt.Println("\n    /s  ms each  statement")
	_, err = pgx.ForEachRow(rows, []any{&calls, &took, &query}, func() error {
		fmt.Printf("%6.2f %8.3f  %s\n", float64(calls)/length.Seconds(), took/float64(calls), query)
		return nil
	})
	return err
}
