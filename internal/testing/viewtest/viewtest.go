// Package viewtest sets up what tests of views need: a database, a broker with its topics, and an event store in
// memory.
package viewtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/stretchr/testify/require"
)

// Patience is how long a test waits for what takes a second on a machine that is not busy.
const Patience = 60 * time.Second

// Bundle is a database, a broker with its topics, and an event store in memory.
type Bundle struct {
	T           *testing.T
	Pool        *pgxpool.Pool
	Cluster     *kafkatest.Cluster
	Config      broker.Config
	Writer      *broker.Writer
	Store       *eventtest.Store
	Projections []projector.Projection
	Maintainer  *maintain.Maintainer
}

// Setup returns a bundle for the platform's views, whose event store holds these events.
func Setup(t *testing.T, events ...domain.Envelope) *Bundle {
	t.Helper()
	b := &Bundle{T: t, Pool: pgtest.Pool(t), Cluster: kafkatest.Start(t), Store: eventtest.NewStore(events...)}
	b.Config = broker.Config{Brokers: b.Cluster.Brokers, Group: "projector", Partitions: 3, Replication: 1, Retention: 7 * 24 * time.Hour, Logger: Logger(t)}
	require.NoError(t, broker.EnsureTopics(t.Context(), b.Config))
	b.Writer = broker.NewWriter(b.Config)
	t.Cleanup(func() { _ = b.Writer.Close() })
	b.Keep(views.All())
	return b
}

// Keep changes the projections that are kept.
func (b *Bundle) Keep(projections []projector.Projection) {
	b.Projections, b.Maintainer = projections, Maintainer(b.T, b.Pool, b.Store, projections)
}

// Maintainer returns a maintainer of projections in a pool.
func Maintainer(t *testing.T, pool *pgxpool.Pool, source projector.EventSource, projections []projector.Projection) *maintain.Maintainer {
	return maintain.New(projector.NewMender(projector.MenderOptions{Pool: pool, Source: source, Projections: projections, Logger: Logger(t)}))
}

// Logger logs what goes on into the test's output.
func Logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// Publish publishes events as the relay does.
func (b *Bundle) Publish(events ...domain.Envelope) {
	b.T.Helper()
	require.Eventually(b.T, func() bool {
		var err error
		events, err = b.Writer.Publish(b.T.Context(), events)
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
}

// Start runs a projector until the returned function is called, which waits for its end.
func (b *Bundle) Start(change ...func(*projector.Options)) (stop func()) {
	b.T.Helper()
	o := projector.Options{
		Pool: b.Pool, Source: b.Store, Broker: b.Config, Writer: b.Writer, Projections: b.Projections, Logger: Logger(b.T),
	}
	for _, c := range change {
		c(&o)
	}
	p, err := projector.New(o)
	require.NoError(b.T, err)
	ctx, cancel := context.WithCancel(b.T.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var stopped bool
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(b.T, <-done)
		}
	}
	b.T.Cleanup(stop)
	return stop
}

// Sweeping lets a projector sweep.
func (b *Bundle) Sweeping(o *projector.Options) { o.Streams = b.Store }

// AwaitEqual waits until every view has every event and is equal to the fold. Its patience ends when nothing moves
// for that long.
func (b *Bundle) AwaitEqual() maintain.Verification {
	b.T.Helper()
	v, err := b.Maintainer.Verify(b.T.Context(), b.Store, nil)
	for moved := time.Now(); err == nil && v.OK() && v.Behind > 0 && time.Since(moved) < Patience; {
		<-time.After(50 * time.Millisecond)
		behind := v.Behind
		if v, err = b.Maintainer.Verify(b.T.Context(), b.Store, nil); v.Behind < behind {
			moved = time.Now()
		}
	}
	require.NoError(b.T, err)
	require.Zero(b.T, v.Behind, "the views stay behind: %s, %d messages wait in Kafka", eventtest.JSON(v),
		kafkatest.Lag(b.T, b.Config.Brokers, b.Config.Group, broker.Topics()))
	require.True(b.T, v.OK(), "views differ from the fold: %s", eventtest.JSON(v))
	return v
}

// AwaitDrained waits until a group has committed everything there is.
func (b *Bundle) AwaitDrained(group string) {
	b.T.Helper()
	require.Eventually(b.T, func() bool { return kafkatest.Lag(b.T, b.Config.Brokers, group, broker.Topics()) == 0 }, 30*time.Second, 50*time.Millisecond)
}

// AwaitSome waits until some events are in the views.
func (b *Bundle) AwaitSome() {
	b.T.Helper()
	require.Eventually(b.T, func() bool {
		var n int
		require.NoError(b.T, b.Pool.QueryRow(b.T.Context(), `SELECT count(*) FROM orderloom.order_timeline`).Scan(&n))
		return n > 0
	}, 30*time.Second, 10*time.Millisecond)
}

// Truncate deletes this part of the messages of every partition, as retention does.
func (b *Bundle) Truncate(part float64) {
	b.T.Helper()
	kafkatest.Truncate(b.T, b.Config.Brokers, broker.Topics(), part)
}

// tables are those of the projections.
func (b *Bundle) tables() (names []string) {
	for _, p := range b.Projections {
		for _, t := range p.Tables() {
			names = append(names, t.Name)
		}
	}
	return names
}

// Dump returns all views as text.
func (b *Bundle) Dump() string {
	b.T.Helper()
	var all string
	for _, table := range b.tables() {
		var s *string
		require.NoError(b.T, b.Pool.QueryRow(b.T.Context(), `SELECT string_agg(t::text, E'\n' ORDER BY t::text) FROM orderloom.`+table+` t`).Scan(&s))
		require.NotNil(b.T, s, table)
		all += *s
	}
	return all
}

// Indexes returns what the indexes of the views are, without their names.
func (b *Bundle) Indexes() []string {
	b.T.Helper()
	rows, err := b.Pool.Query(b.T.Context(), `SELECT regexp_replace(indexdef, ' INDEX .*? ON ', ' INDEX ON ') FROM pg_indexes
		WHERE tablename = ANY ($1) ORDER BY 1`, b.tables())
	require.NoError(b.T, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b.T, err)
	require.NotEmpty(b.T, all)
	return all
}

// Count is how many events of a type of aggregate the store holds.
func (b *Bundle) Count(aggregateType string) (n int) {
	for _, e := range b.Store.Events() {
		if e.AggregateType == aggregateType {
			n++
		}
	}
	return n
}
