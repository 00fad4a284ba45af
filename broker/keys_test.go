package broker_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// With more partitions, a name has another one. Fails where the last copy of a key that was destroyed goes there alone.
// The old partition would keep the key for ever, and a recovery could take it back.
func TestTheLastCopyOfAKeyReplacesThoseInAllPartitions(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 2, Replication: 1, Retention: time.Hour}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	const names, after = 20, 7
	var written int64
	write := func(value string, last bool) {
		for time.Now().UnixMilli() <= written { // copies of one millisecond have no order among partitions
			runtime.Gosched()
		}
		defer func() { written = time.Now().UnixMilli() }()
		w := broker.NewWriter(config)
		defer func() { require.NoError(t, w.Close()) }()
		var copies []broker.Copy
		for i := range names {
			copies = append(copies, broker.Copy{Name: fmt.Sprint(i), Value: []byte(value), Last: last})
		}
		require.Eventually(t, func() bool { return w.WriteCopies(t.Context(), copies) == nil }, time.Minute, 50*time.Millisecond,
			"new partitions have no leader at once")
	}
	requireAll := func(value string) {
		t.Helper()
		newest, err := broker.ReadCopies(t.Context(), config)
		require.NoError(t, err)
		require.Len(t, newest, names)
		for name, have := range newest {
			require.Equal(t, value, string(have), name)
		}
	}
	write("living", false)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers...))
	require.NoError(t, err)
	defer client.Close()
	_, err = kadm.NewClient(client).UpdatePartitions(t.Context(), after, broker.CustomerKeys)
	require.NoError(t, err)
	write("wrapped anew", false)
	requireAll("wrapped anew")
	write("destroyed", true)
	requireAll("destroyed")
	require.GreaterOrEqual(t, kafkatest.Count(t, cluster.Brokers, broker.CustomerKeys), names+names+after*names)
}
