package broker_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// lines counts what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func (b *faultyBundle) deleteTopic(topic string) {
	b.t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(b.config.Brokers...), Transport: &kafka.Transport{}}
	response, err := client.DeleteTopics(b.t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	require.NoError(b.t, err)
	require.NoError(b.t, response.Errors[topic])
}

// While a topic is missing, the others are read, in one generation. Once it is there, it is read as well.
// Fails where the group is joined for a topic that does not exist. The group then rebalances hundreds of times a
// second, or assigns nothing.
func TestAMissingTopicKeepsNoOtherFromBeingRead(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"before", "meanwhile"} {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			b := setupFaulty(t, 1, 3)
			missing := broker.Topic(domain.AggregatePayment)
			var log lines
			b.config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			var events, payments []domain.Envelope
			for _, e := range eventtest.Lives(71, 20) {
				if e.AggregateType == domain.AggregatePayment {
					payments = append(payments, e)
				} else {
					events = append(events, e)
				}
			}
			half := len(events) / 2
			if gone == "before" {
				b.deleteTopic(missing)
			}
			r := b.reader()
			b.publish(events[:half])
			r.Commit(b.fetch(r, half))
			if gone == "meanwhile" {
				b.deleteTopic(missing)
			}
			assigned := log.count("partitions assigned")
			b.publish(events[half:])
			r.Commit(b.fetch(r, len(events)-half))
			require.Never(t, func() bool { return log.count("partitions assigned") > assigned+1 }, 3*time.Second, 50*time.Millisecond,
				"the group is left in peace")

			require.NoError(t, broker.EnsureTopics(t.Context(), b.config))
			b.publish(payments)
			seen := map[uuid.UUID]bool{}
			for _, m := range b.fetch(r, len(payments)) {
				env, err := broker.Decode(m)
				require.NoError(t, err)
				require.Equal(t, domain.AggregatePayment, env.AggregateType)
				seen[env.EventID] = true
			}
			require.Len(t, seen, len(payments))
			require.LessOrEqual(t, log.count("partitions assigned"), assigned+4)
		})
	}
}
