package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/stretchr/testify/require"
)

// Fails where an event may be published before the key of its personal data is copied. After the loss of the database
// the order would come back without them.
func TestKeysAreCopiedBeforeTheEventsThatNeedThem(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 1, Replication: 1, Retention: time.Hour}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	w := broker.NewWriter(config)
	defer func() { require.NoError(t, w.Close()) }()
	published := func() int { return kafkatest.Count(t, cluster.Brokers, "order-events") }
	var copies []int
	var copied error
	relayed := &keysFirst{Writer: w, copy: func(context.Context) error {
		copies = append(copies, published())
		return copied
	}}
	publish := func(payload string) {
		t.Helper()
		_, err := relayed.Publish(t.Context(), []domain.Envelope{{
			EventID: uuid.New(), AggregateID: uuid.New(), AggregateType: domain.AggregateOrder, Version: 1, EventType: "OrderPlaced", EventVersion: 1,
			Timestamp: time.Now(), Payload: json.RawMessage(payload),
		}})
		require.NoError(t, err)
	}

	sealed := func(key string) string {
		return fmt.Sprintf(`{"recipient": {"personal": {"key": %q, "data": "AA=="}}}`, key)
	}
	publish(`{"none": 1}`)
	require.Empty(t, copies)
	publish(sealed("ada:1"))
	publish(sealed("ada:1"))
	require.Equal(t, []int{1}, copies, "before the event, and once for each key")
	publish(sealed("ada:2"))
	require.Equal(t, []int{1, 3}, copies, "after an erasure there is another key")

	copied = errors.New("there is no topic for keys")
	publish(sealed("bob:1"))
	publish(sealed("cai:1"))
	require.Equal(t, []int{1, 3, 4}, copies, "it is not tried for each event")
	require.Equal(t, 6, published(), "no event is held up")
}
