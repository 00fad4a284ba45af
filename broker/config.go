package broker

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"maps"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Defaults and limits.
const (
	// MessageBytesMaxDefault is a little less than what Kafka accepts unless told otherwise (1,048,588
	// bytes for a batch), which leaves room for headers and framing.
	MessageBytesMaxDefault = 1_000_000
	// requestTimeout bounds one request to a broker. A produce request that takes longer counts as
	// failed, though it may have arrived.
	requestTimeout = 10 * time.Second
	// metadataTTL is how long the layout of the cluster is remembered. A moved partition is found after
	// at most this long.
	metadataTTL = 5 * time.Second
)

// DeadLetters is the topic of messages that nobody could make sense of; see [Writer.DeadLetter].
const DeadLetters = "orderloom-dead-letters"

// Config says where Kafka is and how its topics are set up. Only Brokers is required.
type Config struct {
	// Brokers are addresses host:port to begin with; the others are learnt from them.
	Brokers  []string
	ClientID string
	// TLS and SASL are nil for a plain connection.
	TLS  *tls.Config
	SASL sasl.Mechanism

	// Partitions, Replication, Retention, Settings and Topics are what [EnsureTopics] sets up, which requires the
	// first three. A negative retention keeps for ever. Settings are any further ones by their name in Kafka, such as
	// "cleanup.policy": "compact".
	Partitions  int
	Replication int
	Retention   time.Duration
	Settings    map[string]string
	// Topics overrides settings topic by topic.
	Topics map[string]TopicConfig

	// MessageBytesMax is the largest message sent whole; 0 is MessageBytesMaxDefault.
	MessageBytesMax int

	// Group is the consumer group of a [Reader].
	Group string

	Logger *slog.Logger
	// Registry adds schema references to the messages; nil adds none.
	Registry *Registry
}

// TopicConfig overrides what [Config] says for one topic; zero values override nothing.
type TopicConfig struct {
	Partitions  int
	Replication int
	Retention   time.Duration
	// Settings come over those of [Config].
	Settings map[string]string
}

// Topic returns the topic that carries the events of an aggregate type.
func Topic(aggregateType string) string { return aggregateType + "-events" }

// Topics returns the topics of all aggregate types.
func Topics() []string {
	var topics []string
	for _, t := range catalog.AggregateTypes() {
		topics = append(topics, Topic(t))
	}
	return topics
}

// AllTopics returns every topic of the platform: those of the aggregate types, dead letters and customers' keys.
func AllTopics() []string { return append(Topics(), DeadLetters, CustomerKeys) }

func (c Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

func (c Config) messageBytesMax() int { return cmp.Or(c.MessageBytesMax, MessageBytesMaxDefault) }

func (c Config) clientID() string { return cmp.Or(c.ClientID, "orderloom") }

// client returns a client with connections of its own, and the function that closes them.
func (c Config) client() (*kafka.Client, func()) {
	t := &kafka.Transport{
		ClientID: c.clientID(), TLS: c.TLS, SASL: c.SASL,
		DialTimeout: 3 * time.Second, IdleTimeout: 30 * time.Second, MetadataTTL: metadataTTL,
	}
	return &kafka.Client{Addr: kafka.TCP(c.Brokers...), Transport: t, Timeout: requestTimeout}, t.CloseIdleConnections
}

func (c Config) dialer() *kafka.Dialer {
	return &kafka.Dialer{
		ClientID: c.clientID(), TLS: c.TLS, SASLMechanism: c.SASL, Timeout: 3 * time.Second, DualStack: true,
	}
}

// topicConfig returns the settings of one topic: its own, else those of all.
func (c Config) topicConfig(topic string) TopicConfig {
	t := c.Topics[topic]
	t.Partitions = cmp.Or(t.Partitions, c.Partitions)
	t.Replication = cmp.Or(t.Replication, c.Replication)
	t.Retention = cmp.Or(t.Retention, c.Retention)
	all := maps.Clone(c.Settings)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, t.Settings)
	if topic == CustomerKeys {
		maps.Copy(all, compacted)
	}
	t.Settings = all
	return t
}

// partitionOf returns the partition for an aggregate: murmur2 of the key, as Kafka's own clients do.
func partitionOf(env domain.Envelope, partitions []int) int {
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: []byte(env.AggregateID.String())}, partitions...)
}
