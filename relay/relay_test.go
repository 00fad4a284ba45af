package relay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/relay"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// testBundle is an event store in a database of its own, and what was published from it.
type testBundle struct {
	t     *testing.T
	pool  *pgxpool.Pool
	store *eventstore.Store
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{t: t, pool: pgtest.Pool(t)}
	var err error
	b.store, err = eventstore.Open(t.Context(), b.pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.store.Close(context.WithoutCancel(t.Context()))) })
	return b
}

func logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// append stores events as they are, but for their sequences.
func (b *testBundle) append(events ...domain.Envelope) {
	b.t.Helper()
	for _, e := range events {
		_, err := b.store.Append(b.t.Context(), eventtest.AppendOf(e))
		require.NoError(b.t, err)
	}
}

// logs keeps what is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.text.Bytes(), []byte(text))
}

// start runs a relay until the returned function is called, which waits for its end.
func (b *testBundle) start(writer relay.Publisher, instance string) (stop func()) {
	b.t.Helper()
	return b.startLogging(writer, instance, b.t.Output())
}

func (b *testBundle) startLogging(writer relay.Publisher, instance string, log io.Writer) (stop func()) {
	b.t.Helper()
	r, err := relay.New(relay.Options{
		Store: b.store, Pool: b.pool, Writer: writer, Logger: slog.New(slog.NewTextHandler(log, nil)), Instance: instance,
	})
	require.NoError(b.t, err)
	return b.run(r)
}

func (b *testBundle) run(r *relay.Relay) (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(b.t, <-done)
	})
	b.t.Cleanup(stop)
	return stop
}

// recorder is a publisher that remembers, and fails when told to.
type recorder struct {
	mu        sync.Mutex
	published []domain.Envelope
	origins   []broker.Origin
	fail      func(events []domain.Envelope) (arrive int, err error)
}

func (r *recorder) From(o broker.Origin) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.origins = append(r.origins, o)
}

func (r *recorder) Publish(_ context.Context, events []domain.Envelope) ([]domain.Envelope, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(events)
	var err error
	if r.fail != nil {
		n, err = r.fail(events)
	}
	r.published = append(r.published, events[:n]...)
	return events[n:], err
}

func (r *recorder) versions() map[uuid.UUID][]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := map[uuid.UUID][]int64{}
	for _, e := range r.published {
		m[e.AggregateID] = append(m[e.AggregateID], e.Version)
	}
	return m
}

// requireInOrder demands that every event came, and that the first time each came was in order.
func requireInOrder(t *testing.T, want []domain.Envelope, got map[uuid.UUID][]int64) {
	t.Helper()
	last := map[uuid.UUID]int64{}
	for _, e := range want {
		last[e.AggregateID] = e.Version
	}
	for id, n := range last {
		next := int64(1)
		for _, v := range got[id] {
			require.LessOrEqual(t, v, next, "%s: version %d came before %d", id, v, next)
			if v == next {
				next++
			}
		}
		require.Equal(t, n+1, next, "%s: events are missing", id)
	}
}

func (b *testBundle) awaitPosition() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		var behind bool
		err := b.pool.QueryRow(b.t.Context(), `SELECT coalesce((SELECT position FROM orderloom.relay_cursors), 0)
			< (SELECT coalesce(max(sequence), 0) FROM orderloom.events)`).Scan(&behind)
		require.NoError(b.t, err)
		return !behind
	}, 20*time.Second, 10*time.Millisecond, "the relay stays behind")
}

func TestRelayPublishesEverythingInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(2, 40)
	b.append(events[:100]...)
	r := &recorder{}
	b.start(r, "one")
	b.append(events[100:]...)
	b.awaitPosition()
	requireInOrder(t, events, r.versions())
	require.Len(t, r.published, len(events), "nothing twice while nothing fails")
}

// Fails without "rest, err = ... Publish(work, rest)" repeating the rest before anything later (relayPage).
func TestRelayKeepsOrderWhileKafkaFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(3, 20)
	var calls int
	r := &recorder{fail: func(es []domain.Envelope) (int, error) {
		if calls++; calls%3 != 0 {
			return len(es) / 2, errors.New("Kafka is away")
		}
		return len(es), nil
	}}
	b.append(events...)
	b.start(r, "one")
	b.awaitPosition()
	requireInOrder(t, events, r.versions())
}

func TestOneRelayLeadsAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(4, 30)
	r := &recorder{}
	stop := b.start(r, "one")
	b.append(events[:50]...)
	b.awaitPosition()
	b.start(r, "two")
	b.append(events[50:80]...)
	b.awaitPosition()
	require.Equal(t, "one", b.leader())
	stop()
	b.append(events[80:]...)
	b.awaitPosition()
	require.Equal(t, "two", b.leader())
	requireInOrder(t, events, r.versions())
	require.Len(t, r.published, len(events), "a clean handover repeats nothing")
}

func (b *testBundle) leader() (leader string) {
	b.t.Helper()
	require.NoError(b.t, b.pool.QueryRow(b.t.Context(), `SELECT leader FROM orderloom.relay_cursors`).Scan(&leader))
	return leader
}

// A leader that is cut off from the database while it publishes does not know that it was deposed. What it
// publishes then can only repeat what its successor publishes, and it can't move the cursor.
//
// Fails without "AND epoch = $2 AND position = $3" in term.move: the deposed leader then moves the cursor.
func TestDeposedLeaderCausesNoDisorder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(5, 30)
	half := len(events) / 2
	b.append(events[:half]...)
	all := &recorder{}
	entered, resume := make(chan struct{}), make(chan struct{})
	// The old leader publishes the first half of its page, hangs, and publishes the other half much later.
	old := publisherFunc(func(ctx context.Context, es []domain.Envelope) ([]domain.Envelope, error) {
		_, _ = all.Publish(ctx, es[:len(es)/2])
		close(entered)
		<-resume
		return all.Publish(ctx, es[len(es)/2:])
	})
	stopOld := b.start(old, "old")
	<-entered
	b.killLeader()
	b.start(all, "new")
	b.append(events[half:]...)
	b.awaitPosition()
	require.Equal(t, "new", b.leader())
	close(resume)
	stopOld()
	b.awaitPosition()
	requireInOrder(t, events, all.versions())
}

type publisherFunc func(context.Context, []domain.Envelope) ([]domain.Envelope, error)

func (publisherFunc) From(broker.Origin) {}

func (f publisherFunc) Publish(ctx context.Context, es []domain.Envelope) ([]domain.Envelope, error) {
	return f(ctx, es)
}

// killLeader ends the connection that holds the lock, as a failing network does.
func (b *testBundle) killLeader() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		var n int
		require.NoError(b.t, b.pool.QueryRow(b.t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE locktype = 'advisory' AND classid = 28524 AND objsubid = 2 AND d.datname = current_database()`).Scan(&n))
		return n > 0
	}, 10*time.Second, 10*time.Millisecond)
}

// The relay refuses to go on when it is ahead of the store, or the store is another one.
// Fails without Store.Check in term.begin.
func TestRelayRefusesARestoredStore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(6, 10)
	b.append(events[:60]...)
	r := &recorder{}
	stop := b.start(r, "one")
	b.awaitPosition()
	stop()
	published := len(r.published)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint, confirmed_at)
		SELECT epoch + 1, 5, fingerprint, now() FROM orderloom.store_epochs ORDER BY epoch DESC LIMIT 1`)
	require.NoError(t, err)
	b.append(events[60:]...)
	var log logs
	b.startLogging(r, "two", &log)
	require.Eventually(t, func() bool {
		return log.contains(string(eventstore.CodeStoreBehind)) && log.contains("relay rewind --to 5")
	}, 20*time.Second, 10*time.Millisecond)
	require.Never(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.published) != published }, 1500*time.Millisecond, 50*time.Millisecond)
	// The operator accepts the loss.
	require.NoError(t, relay.Rewind(t.Context(), b.pool, b.store, relay.Name, 5))
	b.awaitPosition()
	require.NotEqual(t, published, len(r.published))
}

// A store that was restored publishes nothing until its epoch is confirmed, also where a relay leads already. What is
// published then tells the new epoch. Fails without the looks at Confirmed in term.begin and term.beat.
func TestRelayPublishesNothingOfAnUnconfirmedStore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(6, 10)
	b.append(events[:30]...)
	r := &recorder{}
	var log logs
	b.startLogging(r, "one", &log)
	b.awaitPosition()
	first, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	doubted, err := b.store.Doubt(t.Context(), first, "Kafka knows more")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return log.contains("orderloom recover") }, 20*time.Second, 10*time.Millisecond)
	r.mu.Lock()
	require.Equal(t, []broker.Origin{{Store: first.ID, Epoch: first.Epoch}}, r.origins, "it does not lead again")
	r.mu.Unlock()

	require.NoError(t, b.store.Confirm(t.Context(), doubted, eventstore.Known{}))
	b.append(events[30:]...)
	b.awaitPosition()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Equal(t, broker.Origin{Store: first.ID, Epoch: first.Epoch + 1}, r.origins[len(r.origins)-1])
}

// From append to consumer, on a machine that does nothing else: the figure of the issue is 50 ms.
func TestAppendReachesTheConsumer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Group: "test", Partitions: 3, Replication: 1, Retention: 7 * 24 * time.Hour, Logger: logger(t)}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	writer := broker.NewWriter(config)
	defer func() { _ = writer.Close() }()
	reader, err := broker.NewReader(config, broker.Topics()...)
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	b.start(writer, "one")

	events := eventtest.Lives(8, 15)
	var delays []time.Duration
	got := map[uuid.UUID][]int64{}
	for i, e := range events {
		start := time.Now()
		b.append(e)
		messages, err := reader.Fetch(t.Context(), 100)
		require.NoError(t, err)
		require.Len(t, messages, 1)
		if i > 0 { // the first one waits for the group to be joined
			delays = append(delays, time.Since(start))
		}
		back, err := broker.Decode(messages[0])
		require.NoError(t, err)
		require.Equal(t, e.EventID, back.EventID)
		require.JSONEq(t, string(e.Payload), string(back.Payload))
		require.Equal(t, e.Metadata, back.Metadata)
		require.Equal(t, headers(messages[0])["ce_traceparent"], e.Metadata.TraceParent)
		got[back.AggregateID] = append(got[back.AggregateID], back.Version)
		reader.Commit(messages)
	}
	requireInOrder(t, events, got)
	slices.Sort(delays)
	t.Logf("append to consumer: p50 %s, p99 %s of %d", delays[len(delays)/2], delays[len(delays)*99/100], len(delays))
}

func headers(m kafka.Message) map[string]string {
	h := map[string]string{}
	for _, x := range m.Headers {
		h[x.Key] = string(x.Value)
	}
	return h
}

func TestRewindPublishesAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.EqualValues(t, "not_found", domain.Code(relay.Rewind(t.Context(), b.pool, b.store, relay.Name, 0)))
	events := eventtest.Lives(9, 5)
	b.append(events...)
	r := &recorder{}
	b.start(r, "one")
	b.awaitPosition()
	all, err := relay.Statuses(t.Context(), b.pool, b.store)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Zero(t, all[0].Behind)
	require.Equal(t, "one", all[0].Leader)
	require.True(t, all[0].Led)
	require.EqualValues(t, 1, all[0].Epoch)
	require.NoError(t, relay.Rewind(t.Context(), b.pool, b.store, relay.Name, 0))
	require.Eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.published) == 2*len(events) }, 20*time.Second, 10*time.Millisecond,
		"the leader notices, and publishes everything again")
	requireInOrder(t, events, r.versions())
}
