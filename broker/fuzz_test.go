package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// FuzzDecode reads anything as a record of Kafka: projectors do, and "orderloom recover" takes events back by it. What
// is no event is refused for good. What is one reads back as written.
func FuzzDecode(f *testing.F) {
	add := func(m kafka.Message) {
		var headers strings.Builder
		for _, h := range m.Headers {
			headers.WriteString(h.Key + "=" + string(h.Value) + "\n")
		}
		f.Add(m.Topic, headers.String(), m.Value)
	}
	for _, e := range eventtest.Lives(1, 2) {
		add(broker.Encode(e, ""))
	}
	m := broker.Encode(eventtest.Lives(1, 1)[0], "")
	for name, value := range map[string]string{
		"ce_specversion": "0.3", "ce_id": "urn:uuid:3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11", "ce_type": "orderloom..v1", "ce_time": "0000-01-01T00:00:00Z",
		"ce_sequence": "-1", "ce_streamversion": "9223372036854775808", "ce_source": "/orderloom/", "ce_dataref": "x",
	} {
		changed := m
		changed.Headers = append([]kafka.Header{}, m.Headers...)
		changed.Headers = append(changed.Headers, kafka.Header{Key: name, Value: []byte(value)})
		add(changed)
	}
	f.Fuzz(func(t *testing.T, topic, headers string, value []byte) {
		m := kafka.Message{Topic: topic, Value: value}
		for line := range strings.SplitSeq(headers, "\n") {
			name, text, _ := strings.Cut(line, "=")
			m.Headers = append(m.Headers, kafka.Header{Key: name, Value: []byte(text)})
		}
		env, err := broker.Decode(m)
		if err != nil {
			require.Equal(t, broker.CodeMalformedMessage, domain.Code(err))
			return
		}
		require.True(t, env.EventID != uuid.Nil && env.AggregateID != uuid.Nil && env.Version >= 1 && env.Sequence >= 0 && env.EventVersion >= 1)
		if env.Payload == nil {
			return // it lies in the event store
		}
		again, err := broker.Decode(broker.Encode(env, ""))
		require.NoError(t, err)
		require.True(t, env.Timestamp.Equal(again.Timestamp) && again.Timestamp.Location() == time.UTC)
		again.Timestamp = env.Timestamp
		require.Equal(t, env, again)
		if _, err := catalog.Decode(env); err != nil {
			require.NotPanics(t, func() { _ = err.Error() })
		}
	})
}
