// Package kafkatest gives a test a broker that speaks Kafka's protocol, inside the test's process.
package kafkatest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Cluster is a running broker.
type Cluster struct {
	*kfake.Cluster
	// Brokers are its addresses.
	Brokers []string
}

// Start starts a broker without topics, and stops it when the test ends.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &Cluster{Cluster: c, Brokers: c.ListenAddrs()}
}

// Truncate deletes the first part (0 to 1) of the messages of every partition, as retention does.
func Truncate(t testing.TB, brokers, topics []string, part float64) {
	t.Helper()
	admin := admin(t, brokers)
	ends, err := admin.ListEndOffsets(t.Context(), topics...)
	require.NoError(t, err)
	offsets := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) { offsets.AddOffset(o.Topic, o.Partition, int64(float64(o.Offset)*part), -1) })
	_, err = admin.DeleteRecords(t.Context(), offsets)
	require.NoError(t, err)
}

// Lag is how many messages of the topics a group has not committed; -1 when there is no such group.
func Lag(t testing.TB, brokers []string, group string, topics []string) (lag int64) {
	t.Helper()
	admin := admin(t, brokers)
	ends, err := admin.ListEndOffsets(t.Context(), topics...)
	require.NoError(t, err)
	committed, err := admin.FetchOffsets(t.Context(), group)
	if err != nil {
		return -1
	}
	ends.Each(func(o kadm.ListedOffset) {
		at, ok := committed.Lookup(o.Topic, o.Partition)
		if !ok {
			at.At = 0
		}
		if at.At != o.Offset {
			lag += max(1, o.Offset-at.At)
		}
	})
	return lag
}

// Count is how many messages a topic holds.
func Count(t testing.TB, brokers []string, topic string) (n int) {
	t.Helper()
	admin := admin(t, brokers)
	starts, err := admin.ListStartOffsets(t.Context(), topic)
	require.NoError(t, err)
	ends, err := admin.ListEndOffsets(t.Context(), topic)
	require.NoError(t, err)
	ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
	starts.Each(func(o kadm.ListedOffset) { n -= int(o.Offset) })
	return n
}

func admin(t testing.TB, brokers []string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}
