// Package kafkatest gives a test a broker that speaks Kafka's protocol, inside the test's process.
package kafkatest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
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
