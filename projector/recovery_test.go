package projector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views/orders"
	"github.com/orderloom/orderloom/projector/views/payments"
	"github.com/orderloom/orderloom/projector/views/stock"
	"github.com/orderloom/orderloom/projector/views/timeline"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// Each test here ends with every view equal to the fold of the events (awaitEqual).

// Fails without "case e.Version <= version" in session.apply: what comes twice would be applied twice.
func TestReplayedTopicChangesNothing(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(11, 150)
	b := viewtest.Setup(t, events...)
	b.Publish(events...)
	b.Publish(events...)                 // a deposed leader, a rewound cursor
	b.Publish(events[:len(events)/2]...) // and again
	stop := b.Start()
	b.AwaitEqual()
	stop()
	b.Config.Group = "another" // which begins at the first message
	before := b.Dump()
	b.Start()
	b.AwaitDrained("another")
	require.Equal(t, before, b.Dump(), "a second reading of everything leaves no trace")
}

// Fails without the retry of ErrRaced in Engine.apply and without FOR UPDATE in orders.View.Open. Two projectors that
// create the row of one order at the same moment would count it twice in the customer's summary.
func TestSecondProjectorSharesTheWork(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(12, 300)
	b := viewtest.Setup(t, events...)
	b.Start()
	b.Start()
	for chunk := range slices.Chunk(events, 100) {
		b.Publish(chunk...)
	}
	b.AwaitEqual()
}

// Two groups read everything at the same time into the same tables. That is the worst that can happen when a member
// that is taken for dead goes on.
func TestTwoGroupsAtOnceCountNothingTwice(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(13, 300)
	b := viewtest.Setup(t, events...)
	b.Publish(events...)
	b.Start()
	b.Start(func(o *projector.Options) { o.Broker.Group = "zombie"; o.BatchEvents = 37 })
	b.AwaitDrained("projector")
	b.AwaitDrained("zombie")
	b.AwaitEqual()
}

func TestRebalanceLosesNothing(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(14, 300)
	b := viewtest.Setup(t, events...)
	b.Start(func(o *projector.Options) { o.BatchEvents = 20 })
	chunks := slices.Collect(slices.Chunk(events, 1+len(events)/6))
	for i, chunk := range chunks {
		stop := b.Start(func(o *projector.Options) { o.BatchEvents = 20 }) // joins, while messages are on their way
		b.Publish(chunk...)
		if i%2 == 0 {
			b.AwaitSome()
		}
		stop() // and leaves
	}
	b.AwaitEqual()
}

// Kafka's retention has taken messages that the projector had not read.
// Fails without session.repair: the rest of the streams would be parked or have a hole.
func TestTruncatedTopicIsRepairedFromTheStore(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(15, 150)
	b := viewtest.Setup(t, events...)
	b.Publish(events[:len(events)*2/3]...)
	b.Truncate(0.9)
	b.Start(b.Sweeping)
	b.Publish(events[len(events)*2/3:]...)
	b.AwaitEqual()
}

// The same without a sweeper, for streams that go on: the gap shows when their next event comes.
func TestGapIsRepairedBeforeGoingOn(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(16, 100)
	b := viewtest.Setup(t, events...)
	// Of each stream only the last event is published.
	last := map[uuid.UUID]domain.Envelope{}
	for _, e := range events {
		last[e.AggregateID] = e
	}
	b.Start()
	for _, e := range last {
		b.Publish(e)
	}
	b.AwaitEqual()
}

// Fails without a sweeper: nothing comes any more that tells of what was never read.
func TestEmptiedKafkaIsRepairedFromTheStore(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(17, 120)
	third := len(events) / 3
	b := viewtest.Setup(t, events...)
	b.Publish(events[:third]...)
	stop := b.Start(b.Sweeping)
	b.AwaitSome()
	b.AwaitDrained("projector")
	stop()
	// All topics are gone, with what was never read; the offsets of the group are not.
	b.Publish(events[third : 2*third]...)
	client := client(b)
	_, err := client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: broker.Topics()})
	require.NoError(t, err)
	require.NoError(t, broker.EnsureTopics(t.Context(), b.Config))
	b.Start(b.Sweeping)
	b.Publish(events[2*third:]...)
	b.AwaitEqual()
	b.AwaitDrained("projector")
}

// A Kafka that is emptied under the projector's feet, and then filled beyond the positions where it had been. What the
// reader sees of it is a matter of chance; the broker's tests take the cases one by one.
// Fails without a sweeper.
func TestKafkaEmptiedWhileRunning(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(18, 100)
	part := len(events) / 4
	b := viewtest.Setup(t, events...)
	b.Publish(events[:part]...)
	b.Start(b.Sweeping)
	b.AwaitDrained("projector")
	_, err := client(b).DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: broker.Topics()})
	require.NoError(t, err)
	require.NoError(t, broker.EnsureTopics(t.Context(), b.Config))
	require.Eventually(t, func() bool { // the writer finds the new topics by itself
		_, err := b.Writer.Publish(t.Context(), events[part:])
		return err == nil
	}, 20*time.Second, 100*time.Millisecond)
	b.AwaitEqual()
	b.AwaitDrained("projector")
}

// A last event that never comes leaves no gap: only the comparison of versions finds it.
// Fails without wg.Go(func() { p.sweep(...) }) in Projector.startSideWork.
func TestSweeperFindsLostLastEvents(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(19, 60)
	b := viewtest.Setup(t, events...)
	registry := prometheus.NewRegistry()
	b.Start(b.Sweeping, func(o *projector.Options) { o.Registerer = registry }) // and nothing is ever published
	b.AwaitEqual()
	require.Equal(t, 2*len(events)+b.Count(domain.AggregatePayment), int(metric(t, registry, "orderloom_projection_repaired_events_total", "by", "sweep")),
		"every repair is counted: each event once for its own view and once for the timeline, a payment's also for its order")
}

// An event too large for Kafka comes as a reference, and is read from the store.
func TestOversizedEventComesByReference(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(20, 10)
	for i := range events {
		if events[i].EventType == "OrderPlaced" {
			events[i].Payload = pad(t, events[i].Payload, 30_000)
		}
	}
	b := viewtest.Setup(t, events...)
	b.Config.MessageBytesMax = 20_000
	b.Writer = broker.NewWriter(b.Config)
	b.Publish(events...)
	require.EqualValues(t, 10, b.Writer.Oversized())
	b.Start()
	b.AwaitEqual()
}

func pad(t *testing.T, payload json.RawMessage, n int) json.RawMessage {
	var m map[string]any
	require.NoError(t, json.Unmarshal(payload, &m))
	m["padding"] = string(bytes.Repeat([]byte("x"), n))
	b, err := json.Marshal(m)
	require.NoError(t, err)
	return b
}

// What is no event goes to the dead letters, and stops nobody.
func TestGarbageGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(21, 20)
	b := viewtest.Setup(t, events...)
	w := &kafka.Writer{
		Addr: kafka.TCP(b.Config.Brokers...), Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
		Transport: transport(t),
	}
	defer func() { _ = w.Close() }()
	require.NoError(t, w.WriteMessages(t.Context(), kafka.Message{Topic: "order-events", Key: []byte("x"), Value: []byte("garbage")}))
	b.Publish(events...)
	b.Start()
	b.AwaitEqual()
	require.Equal(t, 1, deadLetters(b))
}

// poison is a projection in which one aggregate's event fails.
type poison struct {
	projector.Projection
	at   projector.Key
	fail *atomic.Int64 // the version that fails; 0 for none
	how  func(projector.Event) error
}

type poisonBatch struct {
	projector.Batch
	p poison
}

func (p poison) Open(q *pgx.Batch, in projector.Place, keys []projector.Key) projector.Batch {
	return &poisonBatch{p.Projection.Open(q, in, keys), p}
}

func (b *poisonBatch) Apply(e projector.Event) error {
	if e.AggregateID == b.p.at.AggregateID && e.Version == b.p.fail.Load() {
		return b.p.how(e)
	}
	return b.Batch.Apply(e)
}

// MarkParked implements [projector.MarkedBatch].
func (b *poisonBatch) MarkParked(k projector.Key, parked bool) {
	if marked, ok := b.Batch.(projector.MarkedBatch); ok {
		marked.MarkParked(k, parked)
	}
}

func TestPoisonParksItsAggregateAndNobodyElse(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(22, 60)
	id := delivered(t, events)
	b := viewtest.Setup(t, events...)
	var fail atomic.Int64
	fail.Store(3)
	bad := poison{
		Projection: orders.View{}, at: projector.Key{AggregateID: id}, fail: &fail,
		how: func(projector.Event) error { panic("can't fold this") },
	}
	b.Keep([]projector.Projection{bad, payments.View{}, stock.View{}, timeline.View{}})
	b.Publish(events...)
	stop := b.Start()
	v := b.AwaitEqual()
	require.EqualValues(t, 1, v.Parked, "one aggregate in one projection, all else goes on")
	parked, err := b.Maintainer.ListParked(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, parked, 1)
	require.EqualValues(t, 3, parked[0].Version)
	require.Contains(t, parked[0].Error, "can't fold this")
	entry, waiting, err := b.Maintainer.ShowParked(t.Context(), "orders", id)
	require.NoError(t, err)
	require.Equal(t, entry.LastVersion, waiting[len(waiting)-1].Version, "the later events wait behind it")
	require.Greater(t, len(waiting), 1)
	require.Equal(t, 1, deadLetters(b))
	status, err := readmodel.Projections(t.Context(), b.Pool, nil)
	require.NoError(t, err)
	for _, s := range status {
		require.Equal(t, s.Name == "orders", s.Parked == 1)
	}
	stop()

	free, err := b.Maintainer.RetryParked(t.Context(), "orders", id)
	require.NoError(t, err)
	require.False(t, free)
	parked, err = b.Maintainer.ListParked(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 2, parked[0].Attempts)

	fail.Store(0)
	free, err = b.Maintainer.RetryParked(t.Context(), "orders", id)
	require.NoError(t, err)
	require.True(t, free)
	require.Zero(t, b.AwaitEqual().Parked)
	_, err = b.Maintainer.RetryParked(t.Context(), "orders", id)
	require.EqualValues(t, "not_parked", domain.Code(err))
}

// While versions change, an old program meets an event of the new one. Its order waits for a program that knows the
// event, and nobody else does.
func TestAnEventOfANewerProgramWaitsForIt(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(31, 10)
	id := delivered(t, events)
	var last int64
	for i := range events {
		if events[i].AggregateID == id {
			last = events[i].Version
			if events[i].EventType == "OrderConfirmed" {
				events[i].EventVersion++
			}
		}
	}
	b := viewtest.Setup(t, events...)
	b.Publish(events...)
	stop := b.Start()
	parked := func() []projector.Parked {
		all, err := b.Maintainer.ListParked(t.Context(), 10)
		require.NoError(t, err)
		return all
	}
	version := func() (n int64) {
		require.NoError(t, b.Pool.QueryRow(t.Context(), "SELECT coalesce(max(version), 0) FROM orderloom.order_views WHERE order_id = $1", id).Scan(&n))
		return n
	}
	behind := func() (n int) {
		for _, e := range events {
			if e.AggregateType == domain.AggregateOrder && e.AggregateID != id {
				var seen int64
				_ = b.Pool.QueryRow(t.Context(), "SELECT version FROM orderloom.order_views WHERE order_id = $1", e.AggregateID).Scan(&seen)
				if seen < e.Version {
					n++
				}
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return len(parked()) > 0 && behind() == 0 }, viewtest.Patience, 20*time.Millisecond)
	for _, p := range parked() {
		require.Equal(t, id, p.AggregateID)
		require.Contains(t, p.Error, "does not know")
	}
	require.EqualValues(t, 1, version())
	stop()

	b.Start(func(o *projector.Options) {
		o.Catalog = o.Catalog.WithStep("OrderConfirmed", func(p json.RawMessage) (json.RawMessage, error) { return p, nil })
	})
	require.Eventually(t, func() bool { return len(parked()) == 0 && version() == last }, viewtest.Patience, 20*time.Millisecond)
}

func TestDiscardLeavesOneEventOut(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(23, 30)
	id := delivered(t, events)
	b := viewtest.Setup(t, events...)
	var fail atomic.Int64
	fail.Store(2)
	bad := poison{Projection: orders.View{}, at: projector.Key{AggregateID: id}, fail: &fail, how: func(projector.Event) error { return context.Canceled }}
	b.Keep([]projector.Projection{bad, payments.View{}, stock.View{}, timeline.View{}})
	require.NoError(t, b.Maintainer.CatchUp(t.Context(), b.Store.Streams()))
	_, err := b.Maintainer.DiscardParked(t.Context(), "orders", id, "")
	require.Equal(t, domain.CodeInvalid, domain.Code(err), "a reason is required")
	free, err := b.Maintainer.DiscardParked(t.Context(), "orders", id, "broken by hand")
	require.NoError(t, err)
	require.True(t, free)
	v := b.AwaitEqual()
	require.Zero(t, v.Parked)
	shown, err := readmodel.NewReader(b.Pool, readmodel.Options{}).Order(t.Context(), id)
	require.NoError(t, err)
	row, err := shown.View()
	require.NoError(t, err)
	require.Empty(t, row.Shipments, "the confirmation was left out")
}

// The database refuses the data of one stream: it is parked, and the others go on.
func TestRefusedDataParksOneStream(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(24, 40)
	id := delivered(t, events)
	b := viewtest.Setup(t, events...)
	_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.order_views ADD CONSTRAINT nonsense CHECK (order_id <> '`+id.String()+`' OR version < 3)`)
	require.NoError(t, err)
	b.Publish(events...)
	b.Start()
	v := b.AwaitEqual()
	require.EqualValues(t, 1, v.Parked)
	parked, err := b.Maintainer.ListParked(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, id, parked[0].AggregateID)
	require.Contains(t, parked[0].Error, "nonsense")
	_, err = b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.order_views DROP CONSTRAINT nonsense`)
	require.NoError(t, err)
	free, err := b.Maintainer.RetryParked(t.Context(), "orders", id)
	require.NoError(t, err)
	require.True(t, free)
	require.Zero(t, b.AwaitEqual().Parked)
}

// The database is away for a while: nothing is parked, everything waits.
func TestTransientErrorsAreTriedAgain(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(25, 40)
	b := viewtest.Setup(t, events...)
	_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.stock_levels RENAME TO away`)
	require.NoError(t, err)
	registry := prometheus.NewRegistry()
	b.Publish(events...)
	b.Start(func(o *projector.Options) { o.Registerer = registry })
	require.Eventually(t, func() bool { return metric(t, registry, "orderloom_projection_failures_total", "", "") >= 3 }, 20*time.Second, 20*time.Millisecond)
	_, err = b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.away RENAME TO stock_levels`)
	require.NoError(t, err)
	require.Zero(t, b.AwaitEqual().Parked)
}

// While a projection can't be written, its lag is what waits, in events and in seconds, and it goes with it.
func TestLagIsToldInEventsAndSeconds(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(26, 40)
	b := viewtest.Setup(t, events...)
	registry := prometheus.NewRegistry()
	b.Start(func(o *projector.Options) { o.Registerer = registry })
	b.Publish(events[:1]...)
	b.AwaitDrained("projector")
	_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.order_timeline RENAME TO away`)
	require.NoError(t, err)
	b.Publish(events[1:]...)
	lag := func() (events int64, seconds float64) {
		status, err := readmodel.Projections(t.Context(), b.Pool, nil)
		require.NoError(t, err)
		for _, s := range status {
			if s.Name == "timeline" {
				require.False(t, s.Stale)
				require.Equal(t, s.LagSeconds, s.WaitingSeconds) //nolint:testifylint // nothing is parked, so they are the same
				return s.LagEvents, s.LagSeconds
			}
		}
		return 0, 0
	}
	require.Eventually(t, func() bool { // the ends of the partitions are looked at every second
		n, seconds := lag()
		return n >= int64(len(events)-1) && seconds > 0 && metric(t, registry, "orderloom_projection_lag_events", "projection", "timeline") == float64(n)
	}, viewtest.Patience, 50*time.Millisecond)
	_, err = b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.away RENAME TO order_timeline`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { n, seconds := lag(); return n == 0 && seconds == 0 }, viewtest.Patience, 50*time.Millisecond)
	b.AwaitEqual()
}

// Events in any order, any number of times, with any of them missing: the views end equal to the fold.
func TestAnyDeliveryEndsInTheFold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			events := eventtest.Lives(30+seed, 60)
			b := viewtest.Setup(t, events...)
			b.Start(b.Sweeping, func(o *projector.Options) { o.BatchEvents = 1 + int(seed)*50 })
			r := rand.New(rand.NewPCG(seed, 1))
			for range 2 * len(events) {
				i := r.IntN(len(events))
				b.Publish(events[i : i+1+r.IntN(min(5, len(events)-i))]...)
			}
			b.AwaitEqual()
		})
	}
}

// delivered returns the id of an order that was delivered in one go: placed, confirmed, dispatched, shipped…
func delivered(t *testing.T, events []domain.Envelope) uuid.UUID {
	t.Helper()
	for _, e := range events {
		if e.EventType == "OrderDelivered" {
			return e.AggregateID
		}
	}
	require.FailNow(t, "no order was delivered")
	return uuid.Nil
}

// transport is one test's own. The default one is shared, and remembers topics that another test has deleted.
func transport(t *testing.T) *kafka.Transport {
	own := &kafka.Transport{}
	t.Cleanup(own.CloseIdleConnections)
	return own
}

func client(b *viewtest.Bundle) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(b.Config.Brokers...), Timeout: 10 * time.Second, Transport: transport(b.T)}
}

func deadLetters(b *viewtest.Bundle) int {
	b.T.Helper()
	return kafkatest.Count(b.T, b.Config.Brokers, broker.DeadLetters)
}

func metric(t *testing.T, g prometheus.Gatherer, name, label, value string) float64 {
	t.Helper()
	families, err := g.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == value {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}
