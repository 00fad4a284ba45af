// Package kafkatest gives a test a broker that speaks Kafka's protocol. It is one inside the test's process, or a
// real Kafka where ORDERLOOM_TEST_KAFKA_BROKERS names one (see the command real below this package).
package kafkatest

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BrokersVariable names the environment variable with the addresses of a real Kafka to test on. Its topics and
// groups are deleted. It may name several clusters, with ";" between them: so many tests run at once.
const BrokersVariable = "ORDERLOOM_TEST_KAFKA_BROKERS"

// Cluster is a running broker.
type Cluster struct {
	// Brokers are its addresses.
	Brokers []string
}

// free holds the real clusters that no test of this process has. One has one alone, since all use the same topics.
var free = sync.OnceValue(func() chan string {
	clusters := strings.Split(os.Getenv(BrokersVariable), ";")
	all := make(chan string, len(clusters))
	for _, c := range clusters {
		all <- c
	}
	return all
})

// Start starts a broker without topics, and stops it when the test ends. On a real Kafka it waits until some
// cluster is used by no other test of this process, and empties it.
func Start(t testing.TB) *Cluster {
	t.Helper()
	if os.Getenv(BrokersVariable) != "" {
		cluster := <-free()
		t.Cleanup(func() { free() <- cluster })
		brokers := strings.Split(cluster, ",")
		empty(t, brokers)
		return &Cluster{Brokers: brokers}
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DefaultNumPartitions(3))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &Cluster{Brokers: c.ListenAddrs()}
}

// empty deletes all topics and groups of a real Kafka, and waits until they are gone.
func empty(t testing.TB, brokers []string) {
	t.Helper()
	admin := admin(t, brokers)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		topics, err := admin.ListTopics(ctx)
		if err != nil {
			return false
		}
		groups, err := admin.ListGroups(ctx)
		if err != nil || len(topics) == 0 && len(groups) == 0 {
			return err == nil
		}
		_, _ = admin.DeleteGroups(ctx, groups.Groups()...)
		_, _ = admin.DeleteTopics(ctx, topics.Names()...)
		return false
	}, time.Minute, 50*time.Millisecond, "the real Kafka can't be emptied")
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

// Setting is what a topic has been told under a name, "" for nothing.
func Setting(t testing.TB, brokers []string, topic, name string) string {
	t.Helper()
	configs, err := admin(t, brokers).DescribeTopicConfigs(t.Context(), topic)
	require.NoError(t, err)
	for _, c := range configs[0].Configs {
		if c.Key == name && c.Value != nil {
			return *c.Value
		}
	}
	return ""
}

func admin(t testing.TB, brokers []string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}
