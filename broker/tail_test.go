package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/stretchr/testify/require"
)

func TestTheTailAndAllOfKafkaCanBeRead(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 3, Replication: 1, Retention: 7 * 24 * time.Hour}
	read := func() (all []broker.Published) {
		require.NoError(t, broker.Scan(t.Context(), config, nil, func(p broker.Published) error {
			all = append(all, p)
			return nil
		}))
		return all
	}
	tail, err := broker.ReadTail(t.Context(), config, 2, -1)
	require.NoError(t, err, "without any topic")
	require.Empty(t, tail.Events)
	require.Empty(t, read())

	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	writer := broker.NewWriter(config)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	events := eventtest.Lives(40, 10)
	origin := broker.Origin{Store: uuid.New(), Epoch: 3}
	for half, part := range [][]domain.Envelope{events[:len(events)/2], events[len(events)/2:]} {
		if half == 1 {
			writer.From(origin)
		}
		require.Eventually(t, func() bool {
			part, err = writer.Publish(t.Context(), part)
			return err == nil
		}, 30*time.Second, 50*time.Millisecond)
	}

	all := read()
	require.Len(t, all, len(events))
	versions := map[uuid.UUID]int64{}
	byID := map[uuid.UUID]domain.Envelope{}
	for _, e := range events {
		byID[e.EventID] = e
	}
	for _, p := range all {
		require.Equal(t, versions[p.Event.AggregateID]+1, p.Event.Version)
		versions[p.Event.AggregateID]++
		want := byID[p.Event.EventID]
		require.JSONEq(t, string(want.Payload), string(p.Event.Payload))
		p.Event.Payload = want.Payload
		require.Equal(t, want, p.Event)
		if p.Origin != (broker.Origin{}) {
			require.Equal(t, origin, p.Origin)
		}
	}

	tail, err = broker.ReadTail(t.Context(), config, 2, -1)
	require.NoError(t, err)
	require.EqualValues(t, len(events), tail.Ends)
	ends := map[string]int{}
	for _, p := range tail.Events {
		ends[fmt.Sprint(p.Event.AggregateType)]++
		require.Equal(t, origin, p.Origin)
	}
	for aggregate, n := range ends {
		require.LessOrEqual(t, n, 6, aggregate)
	}
	require.NotEmpty(t, ends)
	same, err := broker.ReadTail(t.Context(), config, 2, tail.Ends)
	require.NoError(t, err)
	require.Empty(t, same.Events, "nothing has come since")
	kafkatest.Truncate(t, config.Brokers, broker.Topics(), 1)
	tail, err = broker.ReadTail(t.Context(), config, 2, -1)
	require.NoError(t, err)
	require.Empty(t, tail.Events, "all is expired")
	require.EqualValues(t, len(events), tail.Ends, "and was there once")
}
