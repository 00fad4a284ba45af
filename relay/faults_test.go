package relay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/relay"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// Fails without the bounds in rewind.
func TestRewindStaysWithinWhatIsPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(10, 5)
	b.append(events[:len(events)-1]...)
	r := &recorder{}
	stop := b.start(r, "one")
	b.awaitPosition()
	stop()
	last, err := b.store.LastSequence(t.Context())
	require.NoError(t, err)
	b.append(events[len(events)-1]) // not published
	for to, message := range map[int64]string{
		-1: "below 0", last + 1: fmt.Sprintf("above %d, up to which all is published", last), 999_999_999: "the last event of the store",
	} {
		err := relay.Rewind(t.Context(), b.pool, b.store, relay.Name, to)
		require.Equal(t, domain.CodeInvalid, domain.Code(err), to)
		require.ErrorContains(t, err, message)
	}
	cursor, err := relay.Cursor(t.Context(), b.pool, relay.Name)
	require.NoError(t, err)
	require.Equal(t, last, cursor.Position)
	require.NoError(t, relay.Rewind(t.Context(), b.pool, b.store, relay.Name, last))
}

// A cursor that somebody has set beyond the store publishes nothing. That is told, and a rewind mends it at once.
// Fails without the check of the store in term.beat.
func TestACursorBeyondTheStoreIsToldAndMended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(12, 5)
	b.append(events...)
	r := &recorder{}
	var log logs
	b.startLogging(r, "one", &log)
	b.awaitPosition()
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.relay_cursors SET position = 999999999, store_id = NULL`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return log.contains(string(eventstore.CodeStoreBehind)) }, patience, 10*time.Millisecond)
	all, err := relay.Statuses(t.Context(), b.pool, b.store)
	require.NoError(t, err)
	require.True(t, all[0].Ahead())
	require.NoError(t, relay.Rewind(t.Context(), b.pool, b.store, relay.Name, 0))
	require.Eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.published) == 2*len(events) }, patience, 10*time.Millisecond)
}

// Fails where a leader goes on with the page that it has read before.
func TestARewindIsHeededWhileKafkaFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(13, 5)
	b.append(events...)
	poison := uuid.New()
	r := &recorder{fail: func(es []domain.Envelope) (int, error) {
		for _, e := range es {
			if e.AggregateID == poison {
				return 0, errors.New("Kafka refuses that")
			}
		}
		return len(es), nil
	}}
	var log logs
	b.startLogging(r, "one", &log)
	b.awaitPosition()
	bad := eventtest.Lives(14, 1)[0]
	bad.AggregateID, bad.Version = poison, 1
	b.append(bad)
	require.Eventually(t, func() bool { return log.contains("Kafka refuses that") }, patience, 10*time.Millisecond)
	require.NoError(t, relay.Rewind(t.Context(), b.pool, b.store, relay.Name, 0))
	require.Eventually(t, func() bool { return log.contains("relay cursor was set") }, patience, 10*time.Millisecond)
}

// The events of a type without a topic wait. Those of other types go on, and nothing needs a restart. Once the topic is
// there, what has waited comes in order.
// Fails without relayPage withholding what the topic refuses.
func TestATypeWithoutATopicStopsNoOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Group: "test", Partitions: 3, Replication: 1, Retention: 7 * 24 * time.Hour, Logger: logger(t)}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	client := &kafka.Client{Addr: kafka.TCP(cluster.Brokers...), Transport: &kafka.Transport{}}
	deleted, err := client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{broker.Topic(domain.AggregatePayment)}})
	require.NoError(t, err)
	require.NoError(t, deleted.Errors[broker.Topic(domain.AggregatePayment)])
	require.Eventually(t, func() bool { return broker.NewProbe(config).Ask(t.Context()) != nil }, patience, 50*time.Millisecond)
	writer := broker.NewWriter(config)
	defer func() { _ = writer.Close() }()
	registry := prometheus.NewRegistry()
	r, err := relay.New(relay.Options{Store: b.store, Pool: b.pool, Writer: writer, Logger: logger(t), Instance: "one", Registerer: registry})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); require.NoError(t, <-done) }()

	events := eventtest.Lives(15, 40)
	half := len(events) / 2
	b.append(events[:half]...)
	b.awaitPosition()
	all, err := relay.Statuses(t.Context(), b.pool, b.store)
	require.NoError(t, err)
	require.Len(t, all[0].Withheld, 1)
	require.Equal(t, domain.AggregatePayment, all[0].Withheld[0].AggregateType)
	payments := int64(0)
	for _, e := range events[:half] {
		if e.AggregateType == domain.AggregatePayment {
			payments++
		}
	}
	require.Equal(t, payments, all[0].Behind, "what is withheld is not published")
	require.Eventually(t, func() bool { return gauge(t, registry, "orderloom_relay_backlog_seconds") > 0 }, patience, 50*time.Millisecond)

	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	b.append(events[half:]...)
	b.awaitPosition()
	require.Eventually(t, func() bool {
		all, err := relay.Statuses(t.Context(), b.pool, b.store)
		require.NoError(t, err)
		return len(all[0].Withheld) == 0 && all[0].Behind == 0
	}, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool { return gauge(t, registry, "orderloom_relay_backlog_seconds") == 0 }, patience, 50*time.Millisecond)
	audited, err := broker.Audit(t.Context(), config, nil)
	require.NoError(t, err)
	for _, e := range events {
		require.Zero(t, audited[e.AggregateID].Missing, "%s %s", e.AggregateType, e.AggregateID)
		require.EqualValues(t, 1, audited[e.AggregateID].First)
		require.GreaterOrEqual(t, audited[e.AggregateID].Last, e.Version)
	}
}

// An append that stays open holds up what is committed after it. Leader and follower tell so alike.
// Fails where the backlog is what the last page held.
func TestTheBacklogIsToldWhileAnAppendIsOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	registries := []*prometheus.Registry{prometheus.NewRegistry(), prometheus.NewRegistry()}
	for i, registry := range registries {
		r, err := relay.New(relay.Options{
			Store: b.store, Pool: b.pool, Writer: &recorder{}, Logger: logger(t), Instance: fmt.Sprint(i), Registerer: registry,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		defer func() { cancel(); require.NoError(t, <-done) }()
	}
	events := eventtest.Lives(16, 2)
	b.append(events[:len(events)-1]...)
	b.awaitPosition()
	for _, registry := range registries {
		require.Eventually(t, func() bool { return gauge(t, registry, "orderloom_relay_backlog_seconds") == 0 }, patience, 20*time.Millisecond)
	}
	// A program that is stopped in the middle of an append holds the lock, and the number that it took.
	open, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = open.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = open.Exec(t.Context(), fmt.Sprintf(`SELECT pg_advisory_xact_lock_shared(%d, %d)`, advisory.Appends, advisory.AppendsKey))
	require.NoError(t, err)
	_, err = open.Exec(t.Context(), `SELECT nextval('orderloom.event_sequence')`)
	require.NoError(t, err)
	b.append(events[len(events)-1])
	for _, registry := range registries {
		require.Eventually(t, func() bool { return gauge(t, registry, "orderloom_relay_backlog_seconds") > 0 }, patience, 20*time.Millisecond)
	}
	require.NoError(t, open.Rollback(t.Context()))
	for _, registry := range registries {
		require.Eventually(t, func() bool { return gauge(t, registry, "orderloom_relay_backlog_seconds") == 0 }, patience, 20*time.Millisecond)
	}
}

func gauge(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.FailNow(t, "there is no metric "+name)
	return 0
}
