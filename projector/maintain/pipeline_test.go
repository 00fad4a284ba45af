package maintain_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/relay"
	"github.com/stretchr/testify/require"
)

// source adapts the event store.
type source struct{ *eventstore.Store }

func (s source) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.Store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}

// published is the event store, and how much of it the relay has published.
type published struct {
	*eventstore.Store
	pool *pgxpool.Pool
}

func (p published) Published(ctx context.Context) (int64, error) {
	c, err := relay.Cursor(ctx, p.pool, relay.Name)
	return c.Position, err
}

// From the event store in PostgreSQL through two relays and two projectors, to the views and an audit of everything.
// Some of the relays and projectors come and go.
func TestWholeDelivery(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(51, 300)
	b := viewtest.Setup(t)
	store, err := eventstore.Open(t.Context(), b.Pool, eventstore.Options{Logger: viewtest.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	b.Maintainer = viewtest.Maintainer(t, b.Pool, source{store}, views.All())
	fromStore := func(o *projector.Options) { o.Source, o.Streams = source{store}, store }

	startRelay := func(name string) (stop func()) {
		r, err := relay.New(relay.Options{Store: store, Pool: b.Pool, Writer: b.Writer, Logger: viewtest.Logger(t), Instance: name})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		var stopped bool
		stop = func() {
			if !stopped {
				stopped = true
				cancel()
				require.NoError(t, <-done)
			}
		}
		t.Cleanup(stop)
		return stop
	}
	stopRelay := startRelay("one")
	startRelay("two")
	stopProjector := b.Start(fromStore)
	b.Start(fromStore)
	for i, e := range events {
		appendOne(t, store, e)
		switch i {
		case len(events) / 3:
			stopRelay()
		case len(events) / 2:
			stopProjector()
		}
	}
	require.Eventually(t, func() bool {
		v, err := b.Maintainer.Verify(t.Context(), store, nil)
		require.NoError(t, err)
		require.True(t, v.OK(), eventtest.JSON(v))
		return v.Behind == 0 && v.Events == int64(len(events))
	}, 30*time.Second, 50*time.Millisecond)

	k, err := maintain.VerifyKafka(t.Context(), b.Config, published{store, b.Pool}, false, nil)
	require.NoError(t, err)
	require.True(t, k.OK(), eventtest.JSON(k))

	// An event that Kafka does not have, and a view that somebody has changed, are both found.
	_, err = b.Pool.Exec(t.Context(), `UPDATE orderloom.stock_levels SET on_hand = on_hand + 1 WHERE sku = 'SKU-002'`)
	require.NoError(t, err)
	v, err := b.Maintainer.Verify(t.Context(), store, nil)
	require.NoError(t, err)
	require.False(t, v.OK())
	require.Contains(t, eventtest.JSON(v), "stock_levels")

	// What the topics need not keep any longer is no difference. What they should keep is.
	b.Truncate(1)
	k, err = maintain.VerifyKafka(t.Context(), b.Config, published{store, b.Pool}, false, nil)
	require.NoError(t, err)
	require.True(t, k.OK(), "the events are older than the topics keep them: %s", eventtest.JSON(k))
	require.NotZero(t, k.Expired)
	b.Config.Retention = -1
	require.NoError(t, broker.EnsureTopics(t.Context(), b.Config))
	k, err = maintain.VerifyKafka(t.Context(), b.Config, published{store, b.Pool}, false, nil)
	require.NoError(t, err)
	require.False(t, k.OK())
	k, err = maintain.VerifyKafka(t.Context(), b.Config, published{store, b.Pool}, true, nil)
	require.NoError(t, err)
	require.True(t, k.OK(), "somebody has emptied the topics, and says so")
}

// all takes everything as published.
type all struct{ *eventstore.Store }

func (a all) Published(ctx context.Context) (int64, error) { return a.LastSequence(ctx) }

// A shop that is older than the retention of its topics verifies green. An event that is lacking within it is found, at
// the end of a stream and before what Kafka has.
// Fails without dueVersions.
func TestOnlyWhatTheTopicsShouldKeepIsVerified(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(52, 60)
	b := viewtest.Setup(t)
	store, err := eventstore.Open(t.Context(), b.Pool, eventstore.Options{Logger: viewtest.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	half := len(events) / 2
	for i := range events {
		events[i].Timestamp = time.Now().Add(-time.Hour)
		if i < half {
			events[i].Timestamp = time.Now().Add(-8 * 24 * time.Hour)
		}
		appendOne(t, store, events[i])
	}
	verify := func() maintain.KafkaVerification {
		k, err := maintain.VerifyKafka(t.Context(), b.Config, all{store}, false, nil)
		require.NoError(t, err)
		return k
	}
	b.Publish(events[half+1 : len(events)-1]...) // without the first and the last that are due
	k := verify()
	require.NotZero(t, k.Wrong)
	require.LessOrEqual(t, k.Wrong, int64(2), eventtest.JSON(k))
	b.Publish(events[len(events)-1])
	b.Truncate(1)
	b.Publish(events[half:]...)
	k = verify()
	require.True(t, k.OK(), eventtest.JSON(k))
	require.NotZero(t, k.Expired)

	b.Config.Settings = map[string]string{"cleanup.policy": "compact"}
	require.NoError(t, broker.EnsureTopics(t.Context(), b.Config))
	require.NotZero(t, verify().Wrong, "a compacted topic keeps the last event of each aggregate for ever")
	last := map[uuid.UUID]domain.Envelope{}
	for _, e := range events {
		last[e.AggregateID] = e
	}
	b.Truncate(1)
	for _, e := range last {
		b.Publish(e)
	}
	require.True(t, verify().OK(), "and no other")
}

func appendOne(t *testing.T, store *eventstore.Store, e domain.Envelope) {
	t.Helper()
	_, err := store.Append(t.Context(), eventtest.AppendOf(e))
	require.NoError(t, err)
}
