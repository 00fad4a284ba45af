package stack

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// mortal dials until it dies; then its connections are closed, as those of a killed process.
type mortal struct {
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func (m *mortal) dial(ctx context.Context, network, address string) (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return nil, errors.New("the process is dead")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		m.conns = append(m.conns, conn)
	}
	return conn, err
}

func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	for _, conn := range m.conns {
		_ = conn.Close()
	}
}

func join(t *testing.T, cluster *kfake.Cluster, dialer *kafka.Dialer) *kafka.ConsumerGroup {
	t.Helper()
	dialer.Timeout = time.Second
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "g", Brokers: cluster.ListenAddrs(), Topics: []string{"topic"}, Dialer: dialer, Timeout: time.Second,
		HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 6 * time.Second, RebalanceTimeout: 2 * time.Second,
		JoinGroupBackoff: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	return group
}

// A member that dies while it waits to join loses what it was assigned. The test fails without watchMembers.
func TestAMemberThatDiesWhileItJoinsLosesItsPartitions(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "topic"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	go watchMembers(cluster, 5*time.Second).run(t.Context())

	living := join(t, cluster, &kafka.Dialer{})
	t.Cleanup(func() { require.NoError(t, living.Close()) })
	alone, err := living.Next(t.Context())
	require.NoError(t, err)
	require.Len(t, alone.Assignments["topic"], 4)

	var process mortal
	dying := join(t, cluster, &kafka.Dialer{DialFunc: process.dial})
	t.Cleanup(func() { _ = dying.Close() })
	require.Eventually(t, func() bool { return len(cluster.GroupInfo("g").Members) == 2 }, 10*time.Second, time.Millisecond)
	process.die()

	shared, err := living.Next(t.Context()) // the dead member has joined, for the broker
	require.NoError(t, err)
	require.Len(t, shared.Assignments["topic"], 2)
	again, err := living.Next(t.Context())
	require.NoError(t, err)
	require.Len(t, again.Assignments["topic"], 4)
}
