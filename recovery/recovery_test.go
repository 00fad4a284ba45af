package recovery_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/recovery"
	"github.com/orderloom/orderloom/relay"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what takes a second on a machine that is not busy.
const patience = 60 * time.Second

// testBundle is a store whose relay publishes to a broker, with the mark and the sagas of a Temporal in memory.
type testBundle struct {
	t        *testing.T
	pool     *pgxpool.Pool
	store    *eventstore.Store
	config   broker.Config
	temporal *temporal
	keys     *keys
	unread   uuid.UUID // an order with an event that nobody knows
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{t: t, pool: pgtest.Pool(t), temporal: &temporal{open: map[uuid.UUID]bool{}}, keys: &keys{}}
	cluster := kafkatest.Start(t)
	b.config = broker.Config{Brokers: cluster.Brokers, Partitions: 3, Replication: 1, Retention: 7 * 24 * time.Hour}
	require.NoError(t, broker.EnsureTopics(t.Context(), b.config))
	b.store = b.process()
	return b
}

func (b *testBundle) process() *eventstore.Store {
	store, err := eventstore.Open(b.t.Context(), b.pool, eventstore.Options{})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, store.Close(context.WithoutCancel(b.t.Context()))) })
	return store
}

// kafka reads the broker.
type kafka struct{ broker.Config }

func (k kafka) Tail(ctx context.Context, count, knownEnds int64) (broker.Tail, error) {
	return broker.ReadTail(ctx, k.Config, count, knownEnds)
}

func (k kafka) Scan(ctx context.Context, progress func(read, all int64), each func(broker.Published) error) error {
	return broker.Scan(ctx, k.Config, progress, each)
}

// temporal keeps the mark and the sagas.
type temporal struct {
	mu              sync.Mutex
	mark            recovery.Mark
	open            map[uuid.UUID]bool
	resumed, placed []uuid.UUID
	forgotten       bool // what the orders were asked
}

func (w *temporal) ReadMark(context.Context) (recovery.Mark, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mark, nil
}

func (w *temporal) WriteMark(_ context.Context, m recovery.Mark) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark = m
	return nil
}

func (w *temporal) OpenSagas(context.Context, []byte) (orders []uuid.UUID, next []byte, err error) {
	for id := range w.open {
		orders = append(orders, id)
	}
	return orders, nil, nil
}

func (w *temporal) ResumeOrder(_ context.Context, o order.Order, replace bool) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resumed = append(w.resumed, o.ID)
	return replace, nil
}

func (w *temporal) PlaceAgain(_ context.Context, id uuid.UUID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.forgotten {
		return domain.Refuse(domain.CodeNotFound, "forgotten")
	}
	w.placed = append(w.placed, id)
	return nil
}

// keys counts.
type keys struct{ erased int }

func (k *keys) Recover(_ context.Context, dry bool) (erased, taken int, err error) {
	if erased = k.erased; !dry {
		k.erased = 0
	}
	return erased, 0, nil
}

func (b *testBundle) sources() recovery.Sources {
	return recovery.Sources{Store: b.store, Kafka: kafka{b.config}, Marks: b.temporal, Published: func(ctx context.Context) (int64, error) {
		c, err := relay.Cursor(ctx, b.pool, relay.Name)
		return c.Position, err
	}}
}

func (b *testBundle) recovery() *recovery.Recovery {
	return recovery.New(recovery.Parts{
		Sources: b.sources(), Sagas: b.temporal, Keys: b.keys, Progress: b.t.Logf,
		Order: func(ctx context.Context, id uuid.UUID) (order.Order, error) {
			events, err := b.store.Load(ctx, eventstore.StreamID{Type: domain.AggregateOrder, ID: id}, 0)
			if id == b.unread {
				err = domain.Refuse(catalog.CodeUnknownEvent, "an event of order %s is unknown", id)
			}
			if err == nil && len(events) == 0 {
				err = domain.Refuse(domain.CodeNotFound, "order %s does not exist", id)
			}
			return order.Order{ID: id}, err
		},
	})
}

// guard runs a guard until the test ends.
func (b *testBundle) guard(change ...func(*recovery.Options)) (g *recovery.Guard, registry *prometheus.Registry) {
	b.t.Helper()
	registry = prometheus.NewRegistry()
	o := recovery.Options{
		Sources: b.sources(), Registerer: registry, Logger: slog.New(slog.NewTextHandler(b.t.Output(), nil)),
		Carry: func(ctx context.Context) (bool, error) {
			_, err := b.recovery().Carry(ctx, false)
			return false, err
		},
	}
	for _, c := range change {
		c(&o)
	}
	g = recovery.NewGuard(o)
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		require.NoError(b.t, <-done)
	})
	return g, registry
}

func (b *testBundle) append(events ...domain.Envelope) {
	b.t.Helper()
	for _, e := range events {
		_, err := b.store.Append(b.t.Context(), eventtest.AppendOf(e))
		require.NoError(b.t, err)
	}
}

// publish runs a relay until all is published.
func (b *testBundle) publish() {
	b.t.Helper()
	writer := broker.NewWriter(b.config)
	defer func() { require.NoError(b.t, writer.Close()) }()
	r, err := relay.New(relay.Options{Store: b.store, Pool: b.pool, Writer: writer})
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	last, err := b.store.LastSequence(b.t.Context())
	require.NoError(b.t, err)
	require.Eventually(b.t, func() bool {
		c, err := relay.Cursor(b.t.Context(), b.pool, relay.Name)
		require.NoError(b.t, err)
		return c.Position >= last
	}, patience, 10*time.Millisecond)
	cancel()
	require.NoError(b.t, <-done)
}

func (b *testBundle) all() []domain.Envelope {
	b.t.Helper()
	page, err := b.store.Read(b.t.Context(), eventstore.ReadOptions{Limit: eventstore.PageMax})
	require.NoError(b.t, err)
	return page.Events
}

// restore puts the database back to how it was after a sequence, in place: cluster, database and timeline stay.
func (b *testBundle) restore(sequence int64) {
	b.t.Helper()
	require.NoError(b.t, pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`DELETE FROM orderloom.events WHERE sequence > $1`,
			`UPDATE orderloom.streams s SET version = (SELECT count(*) FROM orderloom.events e WHERE e.aggregate_id = s.aggregate_id) WHERE $1 > 0`,
			`DELETE FROM orderloom.streams WHERE version = 0 AND $1 > 0`,
			`SELECT setval('orderloom.event_sequence', $1)`,
			`UPDATE orderloom.relay_cursors SET position = least(position, $1)`,
		} {
			if _, err := tx.Exec(b.t.Context(), sql, sequence); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(b.t, b.store.Close(b.t.Context()))
	b.store = b.process() // with nothing in its memory
}

func unconfirmed(t *testing.T, r *prometheus.Registry) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "orderloom_store_unconfirmed" })
	require.GreaterOrEqual(t, i, 0)
	return families[i].GetMetric()[0].GetGauge().GetValue()
}

// A store that was put back in place is noticed by what Kafka has, and takes no append. It gets back all that Kafka
// has, with the same ids, versions and sequences. Fails without the comparison with Kafka's tail in Sources.look.
func TestAStoreThatWasPutBackIsNoticedAndMended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(7, 12)
	b.append(events...)
	b.publish()
	was := b.all()
	b.restore(int64(len(events) / 2))
	only := uuid.New()
	for _, e := range was {
		if e.AggregateType == domain.AggregateOrder {
			b.temporal.open[e.AggregateID] = true
		}
	}
	orders := len(b.temporal.open)
	b.temporal.open[only] = true
	b.keys.erased = 1

	guard, registry := b.guard()
	require.Eventually(t, func() bool { return errors.Is(guard.Unconfirmed(), eventstore.ErrUnconfirmed) }, patience, 10*time.Millisecond)
	require.InDelta(t, 1, unconfirmed(t, registry), 0)
	identity, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	require.Contains(t, identity.Reason, "Kafka has")
	stream := eventstore.StreamID{Type: domain.AggregateOrder, ID: uuid.New()}
	one := eventstore.Append{Stream: stream, Events: []eventstore.NewEvent{{
		ID: uuid.New(), Type: "Noted", SchemaVersion: 1, Payload: []byte(`{}`), Timestamp: time.Now(),
	}}}
	_, err = b.store.Append(t.Context(), one)
	require.ErrorIs(t, err, eventstore.ErrUnconfirmed)

	v, err := b.sources().Verify(t.Context(), nil)
	require.NoError(t, err)
	require.False(t, v.OK())
	require.NotEmpty(t, v.Losses)
	require.EqualValues(t, len(was), v.Events)
	require.Equal(t, identity, v.Identity, "it is doubted already")
	found, err := b.recovery().Look(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, len(was)-len(events)/2, found.Lost)
	require.Empty(t, found.Gaps)
	require.Equal(t, orders, found.Open)
	require.Equal(t, []uuid.UUID{only}, found.Placed)
	require.Equal(t, 1, found.Erased)
	require.Len(t, b.all(), len(events)/2, "nothing is changed")
	require.Empty(t, b.temporal.resumed)

	done, err := b.recovery().Carry(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, found.Lost, done.Taken)
	require.Equal(t, was[len(events)/2-1].Timestamp.Add(-time.Hour).UTC(), done.Since)
	require.Equal(t, was, b.all())
	require.Len(t, b.temporal.resumed, orders)
	require.Equal(t, []uuid.UUID{only}, b.temporal.placed)
	require.Zero(t, b.keys.erased)
	require.True(t, done.Identity.Confirmed)
	require.Equal(t, done.Identity.Epoch, b.temporal.mark.Epoch)
	require.Eventually(t, func() bool { return guard.Unconfirmed() == nil }, patience, 10*time.Millisecond)
	require.Zero(t, unconfirmed(t, registry))
	appended, err := b.store.Append(t.Context(), one)
	require.NoError(t, err)
	require.Greater(t, appended[0].Positions[0], was[len(was)-1].Sequence)

	b.publish()
	var epochs []int64
	require.NoError(t, broker.Scan(t.Context(), b.config, nil, func(p broker.Published) error {
		epochs = append(epochs, p.Origin.Epoch)
		return nil
	}))
	require.Equal(t, done.Identity.Epoch, slices.Max(epochs), "consumers are told of the new epoch")
	again, err := b.recovery().Carry(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, done.Identity, again.Identity, "nothing is left to do")
	require.Len(t, b.temporal.resumed, orders)
}

// A recovery that was cut off in the middle of the events is repeated.
func TestARecoveryMayBeRepeatedAfterACrash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(8, 60)...)
	b.publish()
	was := b.all()
	b.restore(3)
	ctx, crash := context.WithCancel(t.Context())
	parts := recovery.Parts{
		Sources: b.sources(), Sagas: b.temporal, Keys: b.keys, Order: func(context.Context, uuid.UUID) (order.Order, error) { return order.Order{}, nil },
	}
	parts.Store = crashing{b.store, crash}
	_, err := recovery.New(parts).Carry(ctx, false)
	require.ErrorIs(t, err, context.Canceled)
	require.Greater(t, len(b.all()), 3)
	require.Less(t, len(b.all()), len(was))
	identity, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	require.False(t, identity.Confirmed)

	_, err = b.recovery().Carry(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, was, b.all())
}

// crashing ends the process after the first events were taken back.
type crashing struct {
	*eventstore.Store
	crash func()
}

func (c crashing) TakeBack(ctx context.Context, lost []domain.Envelope) (int, error) {
	defer c.crash()
	return c.Store.TakeBack(ctx, lost)
}

// A store that was failed over and has everything is confirmed by itself, after its sagas went on from the events. With
// ByHand it waits for a person.
func TestACompleteStoreIsConfirmedByItself(t *testing.T) {
	t.Parallel()
	for _, byHand := range []bool{false, true} {
		b := setup(t)
		b.append(eventtest.Lives(9, 5)...)
		b.publish()
		id := b.all()[len(b.all())-1].AggregateID
		b.temporal.open[id] = true
		_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.store_epochs SET fingerprint = 'another server'`)
		require.NoError(t, err)
		guard, registry := b.guard(func(o *recovery.Options) { o.ByHand = byHand })
		if byHand {
			require.Eventually(t, func() bool { return guard.Unconfirmed() != nil }, patience, 10*time.Millisecond)
			require.Never(t, func() bool { return guard.Unconfirmed() == nil }, 2*time.Second, 100*time.Millisecond)
			require.InDelta(t, 1, unconfirmed(t, registry), 0)
			continue
		}
		require.NoError(t, guard.Await(t.Context()))
		identity, err := b.store.Identity(t.Context())
		require.NoError(t, err)
		require.True(t, identity.Confirmed)
		require.EqualValues(t, 2, identity.Epoch)
		fresh := eventtest.Lives(10, 1)[0]
		fresh.AggregateID, fresh.EventID = uuid.New(), uuid.New()
		b.append(fresh)
	}
}

// Kafka was emptied while the store was failed over: nothing proves that the store has everything.
func TestAStoreIsNotConfirmedWithoutProof(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(11, 5)...)
	b.publish()
	kafkatest.Truncate(t, b.config.Brokers, broker.Topics(), 1)
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.store_epochs SET fingerprint = 'another server'`)
	require.NoError(t, err)
	guard, _ := b.guard()
	require.Eventually(t, func() bool { return guard.Unconfirmed() != nil }, patience, 10*time.Millisecond)
	require.Never(t, func() bool { return guard.Unconfirmed() == nil }, 2*time.Second, 100*time.Millisecond)
	_, err = b.recovery().Carry(t.Context(), false) // a person knows better
	require.NoError(t, err)
	require.Eventually(t, func() bool { return guard.Unconfirmed() == nil }, patience, 10*time.Millisecond)
}

// Kafka was emptied, and the mark at Temporal knows that the store was further.
func TestTheMarkTellsThatAStoreIsBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(12, 5)...)
	b.publish()
	guard, _ := b.guard()
	require.NoError(t, guard.Await(t.Context()))
	require.Eventually(t, func() bool {
		mark, _ := b.temporal.ReadMark(t.Context())
		return mark.Sequence == int64(len(b.all()))
	}, patience, 10*time.Millisecond)
	kafkatest.Truncate(t, b.config.Brokers, broker.Topics(), 1)
	b.restore(2)
	second, _ := b.guard()
	require.Eventually(t, func() bool { return second.Unconfirmed() != nil }, patience, 10*time.Millisecond)
	identity, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	require.Contains(t, identity.Reason, "the store ends with 2")
}

// Kafka's retention has taken the first events of a stream that the store has lost as well.
func TestWhatCanNotBeTakenBackIsListedAndHasToBeAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(13, 12)...)
	b.publish()
	was := b.all()
	kafkatest.Truncate(t, b.config.Brokers, broker.Topics(), 0.8)
	b.restore(2)
	only := uuid.New()
	b.temporal.open[only], b.temporal.forgotten = true, true

	found, err := b.recovery().Carry(t.Context(), false)
	require.ErrorIs(t, err, recovery.ErrIncomplete)
	require.NotEmpty(t, found.Gaps)
	for _, g := range found.Gaps {
		require.Greater(t, g.First, g.Have)
		require.GreaterOrEqual(t, g.Last, g.First)
		require.Contains(t, g.String(), g.Stream.String())
	}
	identity, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	require.False(t, identity.Confirmed)

	found, err = b.recovery().Carry(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{only}, found.Unplaced)
	require.True(t, found.Identity.Confirmed)
	guard, _ := b.guard() // it does not doubt again what was accepted
	require.NoError(t, guard.Await(t.Context()))
	require.Never(t, func() bool { return guard.Unconfirmed() != nil }, 3*time.Second, 100*time.Millisecond)
	for _, e := range b.all() { // what is there is as it was
		i := slices.IndexFunc(was, func(w domain.Envelope) bool { return w.EventID == e.EventID })
		require.GreaterOrEqual(t, i, 0)
		require.Equal(t, was[i], e)
	}
}

// Another store has published to the same topics: that is no evidence.
func TestMessagesOfOtherStoresAreNoEvidence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(14, 3)...)
	b.publish()
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.store SET id = gen_random_uuid(); UPDATE orderloom.relay_cursors SET store_id = NULL`)
	require.NoError(t, err)
	b.restore(1)
	guard, _ := b.guard()
	require.NoError(t, guard.Await(t.Context()))
	found, err := b.recovery().Look(t.Context())
	require.NoError(t, err)
	require.Zero(t, found.Lost)
	require.NotZero(t, found.Foreign)
}

// Orders go on while Kafka is away: the store can't be compared, and is as confirmed as it was.
func TestAConfirmedStoreGoesOnWithoutKafka(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(15, 1)[:1]...)
	guard, registry := b.guard(func(o *recovery.Options) { o.Kafka = kafka{broker.Config{Brokers: []string{"127.0.0.1:1"}}} })
	require.NoError(t, guard.Await(t.Context()))
	require.NoError(t, guard.Unconfirmed())
	require.Zero(t, unconfirmed(t, registry))
}
