package relay_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/relay"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// endedRecorder is a recorder that tells where partitions end.
type endedRecorder struct {
	recorder
	endsMu sync.Mutex
	ends   map[broker.PartitionID]int64
	asked  int
}

func (r *endedRecorder) Ends(context.Context) (map[broker.PartitionID]int64, error) {
	r.endsMu.Lock()
	defer r.endsMu.Unlock()
	r.asked++
	return maps.Clone(r.ends), nil
}

func (r *endedRecorder) set(ends map[broker.PartitionID]int64) (asked int) {
	r.endsMu.Lock()
	defer r.endsMu.Unlock()
	r.ends = ends
	return r.asked
}

func (r *endedRecorder) askedSince(asked int) int {
	r.endsMu.Lock()
	defer r.endsMu.Unlock()
	return r.asked - asked
}

// Partitions that end before they did have lost what was published. That is told until the relay is rewound, also by a
// process that starts later. An end that has gone back for one look is a broker's that did not know better yet.
// Fails without lookForLoss.
func TestALossOfKafkaIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := broker.PartitionID{Topic: "order-events", Partition: 0}, broker.PartitionID{Topic: "order-events", Partition: 1}
	r := &endedRecorder{ends: map[broker.PartitionID]int64{one: 5, two: 7}}
	b.append(eventtest.Lives(21, 3)...)
	start := func(instance string) (registry *prometheus.Registry, stop func()) {
		registry = prometheus.NewRegistry()
		leading, err := relay.New(relay.Options{
			Store: b.store, Pool: b.pool, Writer: r, Logger: logger(t), Instance: instance, Registerer: registry,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- leading.Run(ctx) }()
		stop = sync.OnceFunc(func() { cancel(); require.NoError(t, <-done) })
		t.Cleanup(stop)
		return registry, stop
	}
	registry, stop := start("one")
	b.awaitPosition()
	lost := func() bool { return gauge(t, registry, "orderloom_relay_lost_seconds") > 0 }
	asked := r.set(map[broker.PartitionID]int64{one: 4, two: 9})
	require.Eventually(t, func() bool { return r.askedSince(asked) >= 1 }, patience, millisecond)
	asked = r.set(map[broker.PartitionID]int64{one: 6, two: 9})
	require.Eventually(t, func() bool { return r.askedSince(asked) >= 2 }, patience, millisecond)
	require.False(t, lost(), "it was back at the next look")

	r.set(nil) // no topic is left
	require.Eventually(t, lost, patience, millisecond)
	stop()
	registry, _ = start("two")
	require.Eventually(t, lost, patience, millisecond)
	all, err := relay.Statuses(t.Context(), b.pool, b.store)
	require.NoError(t, err)
	require.False(t, all[0].LostSince.IsZero())
	require.NoError(t, relay.Rewind(t.Context(), b.pool, b.store, relay.Name, 0))
	require.Eventually(t, func() bool { return !lost() }, patience, millisecond)
}

const millisecond = time.Millisecond
