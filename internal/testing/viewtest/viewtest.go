package projector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/stretchr/testify/require"
)

// testBundle is a database, a broker with its topics, and an event store in memory.
type testBundle struct {
	t       *testing.T
	pool    *pgxpool.Pool
	cluster *kafkatest.Cluster
	config  broker.Config
	writer  *broker.Writer
	store   *eventtest.Store
	mender  *projector.Mender
}

// patience is how long a test waits for what takes a second on a machine that is not busy.
const patience = 60 * time.Second

func setup(t *testing.T, events ...domain.Envelope) *testBundle {
	t.Helper()
	b := &testBundle{t: t, pool: pgtest.Pool(t), cluster: kafkatest.Start(t), store: eventtest.NewStore(events...)}
	b.config = broker.Config{Brokers: b.cluster.Brokers, Group: "projector", Partitions: 3, Logger: logger(t)}
	require.NoError(t, broker.EnsureTopics(t.Context(), b.config))
	b.writer = broker.NewWriter(b.config)
	t.Cleanup(func() { _ = b.writer.Close() })
	b.mender = projector.NewMender(projector.MenderOptions{Pool: b.pool, Source: b.store, Logger: logger(t)})
	return b
}

func logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func (b *testBundle) publish(events ...domain.Envelope) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { // as the relay does
		var err error
		events, err = b.writer.Publish(b.t.Context(), events)
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
}

// start runs a projector until the returned function is called, which waits for its end.
func (b *testBundle) start(change ...func(*projector.Options)) (stop func()) {
	b.t.Helper()
	o := projector.Options{Pool: b.pool, Source: b.store, Broker: b.config, Writer: b.writer, Logger: logger(b.t)}
	for _, c := range change {
		c(&o)
	}
	p, err := projector.New(o)
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var stopped bool
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(b.t, <-done)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// awaitEqual waits until every view has every event and is equal to the fold. Its patience ends when nothing moves
// for that long.
func (b *testBundle) awaitEqual() projector.Verification {
	b.t.Helper()
	v, err := b.mender.Verify(b.t.Context(), b.store, nil)
	for moved := time.Now(); err == nil && v.OK() && v.Behind > 0 && time.Since(moved) < patience; {
		<-time.After(50 * time.Millisecond)
		behind := v.Behind
		if v, err = b.mender.Verify(b.t.Context(), b.store, nil); v.Behind < behind {
			moved = time.Now()
		}
	}
	require.NoError(b.t, err)
	require.Zero(b.t, v.Behind, "the views stay behind: %s, %d messages wait in Kafka", eventtest.JSON(v),
		kafkatest.Lag(b.t, b.config.Brokers, b.config.Group, broker.Topics()))
	require.True(b.t, v.OK(), "views differ from the fold: %s", eventtest.JSON(v))
	return v
}

// A stock item's first event was stored when StockReceived still called its quantity pieces. The projector
// folds it in today's shape, whether it comes by Kafka or is fetched from the event store.
func TestProjectorFoldsOldVersionsOfEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	renamed := (*catalog.Catalog)(nil).WithStep("StockReceived", func(p json.RawMessage) (json.RawMessage, error) {
		return bytes.Replace(p, []byte(`"pieces"`), []byte(`"quantity"`), 1), nil
	})
	store, err := eventstore.Open(t.Context(), b.pool, eventstore.Options{Catalog: renamed})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	published, fetched := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{published, fetched} {
		for version := range int64(2) {
			payload := fmt.Sprintf(`{"sku":%q,"location":"berlin","receipt_id":%q,"pieces":7,"received_at":"2026-01-02T03:04:05Z"}`, id, uuid.New())
			_, err := store.Append(t.Context(), eventstore.Append{
				Stream: eventstore.StreamID{Type: domain.AggregateInventory, ID: id}, Expected: version,
				Events: []eventstore.NewEvent{{ID: uuid.New(), Type: "StockReceived", SchemaVersion: 1, Payload: json.RawMessage(payload), Timestamp: time.Now()}},
			})
			require.NoError(t, err)
		}
	}
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	b.publish(page.Events[0], page.Events[1], page.Events[3]) // the first of the second item is missing
	b.start(func(o *projector.Options) { o.Catalog, o.Source = renamed, streams{store} })
	onHand := func(id uuid.UUID) (n int) {
		_ = b.pool.QueryRow(t.Context(), "SELECT on_hand FROM orderloom.stock_levels WHERE stock_id = $1", id).Scan(&n)
		return n
	}
	require.Eventually(t, func() bool { return onHand(published) == 14 && onHand(fetched) == 14 }, patience, 10*time.Millisecond)
}

// streams is an event store as the projector wants it.
type streams struct{ store *eventstore.Store }

func (s streams) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}

func TestProjectorFoldsWhatIsPublished(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(1, 200)
	b := setup(t, events...)
	b.publish(events...)
	b.start()
	v := b.awaitEqual()
	require.EqualValues(t, len(events), v.Events)
	require.Zero(t, v.Parked)
	require.NotZero(t, v.Customers)
}
