package broker_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

func envelope(version int64) domain.Envelope {
	return domain.Envelope{
		EventID: uuid.New(), AggregateID: uuid.MustParse("7b0d1f5e-0b61-4f0e-9a53-2f1d8ce2a001"), AggregateType: "order", EventType: "OrderPlaced",
		EventVersion: 1, Payload: json.RawMessage(`{"order_id":"x"}`), Timestamp: time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC),
		Version: version, Sequence: 10 + version,
		Metadata: domain.Metadata{
			CorrelationID: "corr", CausationID: "order-1/step", UserID: "user", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		},
	}
}

// The message is a CloudEvent in the binary mode of the Kafka binding, name by name.
func TestMessageIsACloudEvent(t *testing.T) {
	t.Parallel()
	env := envelope(3)
	m := broker.Encode(env, "http://registry/schemas/ids/1")
	require.Equal(t, "order-events", m.Topic)
	require.Equal(t, env.AggregateID.String(), string(m.Key))
	require.JSONEq(t, `{"order_id":"x"}`, string(m.Value))
	for name, want := range map[string]string{
		"ce_specversion": "1.0", "ce_id": env.EventID.String(), "ce_source": "/orderloom/order", "ce_type": "orderloom.OrderPlaced.v1",
		"ce_subject": env.AggregateID.String(), "ce_time": "2026-03-01T08:00:00.123456Z", "content-type": "application/json",
		"ce_dataschema": "http://registry/schemas/ids/1", "ce_sequence": "13", "ce_streamversion": "3", "ce_correlationid": "corr",
		"ce_causationid": "order-1/step", "ce_userid": "user", "ce_traceparent": env.Metadata.TraceParent,
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, want, header(m, name), name)
		})
	}
	back, err := broker.Decode(m)
	require.NoError(t, err)
	require.Equal(t, env, back)
}

func TestDecodeRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*kafka.Message){
		"no headers":      func(m *kafka.Message) { m.Headers = nil },
		"spec version":    set("ce_specversion", "2.0"),
		"id":              set("ce_id", "x"),
		"no id":           drop("ce_id"),
		"subject":         set("ce_subject", ""),
		"no subject":      drop("ce_subject"),
		"type":            set("ce_type", "com.example.Thing"),
		"type's version":  set("ce_type", "orderloom.OrderPlaced.vx"),
		"no type":         drop("ce_type"),
		"time":            set("ce_time", "yesterday"),
		"sequence":        set("ce_sequence", "x"),
		"version":         set("ce_streamversion", "0"),
		"another's topic": func(m *kafka.Message) { m.Topic = "payment-events" },
		"no source":       drop("ce_source"),
	} {
		t.Run(name, func(t *testing.T) {
			m := broker.Encode(envelope(1), "")
			spoil(&m)
			_, err := broker.Decode(m)
			require.EqualValues(t, "malformed_message", domain.Code(err), name)
		})
	}
}

func set(name, value string) func(*kafka.Message) {
	return func(m *kafka.Message) {
		for i := range m.Headers {
			if m.Headers[i].Key == name {
				m.Headers[i].Value = []byte(value)
			}
		}
	}
}

func drop(name string) func(*kafka.Message) {
	return func(m *kafka.Message) {
		var kept []kafka.Header
		for _, h := range m.Headers {
			if h.Key != name {
				kept = append(kept, h)
			}
		}
		m.Headers = kept
	}
}

func header(m kafka.Message, name string) string {
	for _, h := range m.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// read reads n messages as a group does.
func read(t *testing.T, config broker.Config, n int) []kafka.Message {
	t.Helper()
	r, err := broker.NewReader(config, broker.Topics()...)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []kafka.Message
	for len(all) < n {
		m, err := r.Fetch(ctx, n-len(all))
		require.NoError(t, err)
		all = append(all, m...)
		r.Commit(m)
	}
	return all
}

func TestTopicsAreSetUpAsTheyAreConfigured(t *testing.T) {
	t.Parallel()
	brokers := []string{"127.0.0.1:1"} // is not asked
	for name, config := range map[string]broker.Config{
		"no partitions": {Brokers: brokers, Replication: 1, Retention: time.Hour},
		"no copies":     {Brokers: brokers, Partitions: 1, Retention: time.Hour},
		"no retention":  {Brokers: brokers, Partitions: 1, Replication: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, broker.EnsureTopics(t.Context(), config), "needs a number of partitions, of copies, and a retention")
		})
	}
}

func TestPublishKeepsTheOrderOfEachAggregate(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 4, Replication: 1, Retention: 7 * 24 * time.Hour, Group: "test"}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	require.NoError(t, broker.EnsureTopics(t.Context(), config), "it may be repeated")
	w := broker.NewWriter(config)
	defer func() { _ = w.Close() }()
	events := eventtest.Lives(1, 200)
	unpublished, err := w.Publish(t.Context(), events)
	require.NoError(t, err)
	require.Empty(t, unpublished)
	next := map[uuid.UUID]int64{}
	partition := map[uuid.UUID]int{}
	for _, m := range read(t, config, len(events)) {
		env, err := broker.Decode(m)
		require.NoError(t, err)
		require.Equal(t, next[env.AggregateID]+1, env.Version)
		next[env.AggregateID]++
		if p, known := partition[env.AggregateID]; known {
			require.Equal(t, p, m.Partition)
		}
		partition[env.AggregateID] = m.Partition
	}
	audited, err := broker.Audit(t.Context(), config, nil)
	require.NoError(t, err)
	for id, last := range next {
		require.Equal(t, broker.Audited{First: 1, Last: last, Events: last}, audited[id])
	}
}

// Setup gives topics what is configured, those that exist as well; one topic may have its own.
func TestTopicsAreSetUpAsConfigured(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 2, Replication: 1, Retention: time.Hour}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	require.Equal(t, "3600000", kafkatest.Setting(t, cluster.Brokers, "order-events", "retention.ms"))
	require.Equal(t, "delete", kafkatest.Setting(t, cluster.Brokers, "order-events", "cleanup.policy"))
	config.Retention = -1
	config.Settings = map[string]string{"cleanup.policy": "compact", "segment.ms": "60000"}
	config.Topics = map[string]broker.TopicConfig{"payment-events": {Settings: map[string]string{"cleanup.policy": "compact,delete"}}}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	require.Equal(t, "-1", kafkatest.Setting(t, cluster.Brokers, "order-events", "retention.ms"))
	require.Equal(t, "compact", kafkatest.Setting(t, cluster.Brokers, "order-events", "cleanup.policy"))
	require.Equal(t, "compact,delete", kafkatest.Setting(t, cluster.Brokers, "payment-events", "cleanup.policy"))
	require.Equal(t, "60000", kafkatest.Setting(t, cluster.Brokers, "payment-events", "segment.ms"))
}

func TestPublishSaysWhatHasNotArrived(t *testing.T) {
	t.Parallel()
	w := broker.NewWriter(broker.Config{Brokers: []string{"127.0.0.1:1"}})
	defer func() { _ = w.Close() }()
	events := []domain.Envelope{envelope(1), envelope(2)}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	unpublished, err := w.Publish(ctx, events)
	require.Error(t, err)
	require.Equal(t, events, unpublished)
}

// The broker's limit may be lower than ours, and may hold for a batch as a whole. Then the batch is split, and what
// does not fit alone is sent as a reference, in its place. Fails without the cases after MessageSizeTooLarge in
// Writer.produceAll: the relay would stand still.
func TestOversizedEventsKeepTheirPlace(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t)
	config := broker.Config{
		Brokers: cluster.Brokers, Partitions: 1, Replication: 1, Retention: 7 * 24 * time.Hour, Group: "test",
		Topics: map[string]broker.TopicConfig{"order-events": {Settings: map[string]string{"max.message.bytes": "20000"}}},
	}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	w := broker.NewWriter(config)
	defer func() { _ = w.Close() }()
	var events []domain.Envelope
	for v := int64(1); v <= 40; v++ {
		env := envelope(v)
		n := 2000
		if v == 20 {
			n = 60_000
		}
		env.Payload = json.RawMessage(`{"x":"` + incompressible(n) + `"}`)
		events = append(events, env)
	}
	unpublished, err := w.Publish(t.Context(), events)
	require.NoError(t, err)
	require.Empty(t, unpublished)
	require.EqualValues(t, 1, w.Oversized())
	for i, m := range read(t, config, len(events)) {
		env, err := broker.Decode(m)
		require.NoError(t, err)
		require.EqualValues(t, i+1, env.Version)
		require.Equal(t, i+1 == 20, env.Payload == nil)
		require.Equal(t, i+1 == 20, header(m, "ce_dataref") != "")
	}
}

func incompressible(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(uuid.NewString())
	}
	return b.String()[:n]
}
