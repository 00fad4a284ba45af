package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/segmentio/kafka-go"
)

// EnsureTopics creates the topics that are missing, brings the settings of the others in line, and
// waits until Kafka knows them. It may be repeated.
//
// Errors: a topic without a number of partitions, a number of copies or a retention.
//
// The number of partitions of a topic that exists is left alone, and a difference is logged. A change would send the
// later events of an aggregate to another partition than its earlier ones.
func EnsureTopics(ctx context.Context, cfg Config) error {
	client, closeClient := cfg.client()
	defer closeClient()
	topics := AllTopics()
	var request kafka.CreateTopicsRequest
	for _, topic := range topics {
		t := cfg.topicConfig(topic)
		if t.Partitions < 1 || t.Replication < 1 || t.Retention == 0 {
			return fmt.Errorf("topic %s needs a number of partitions, of copies, and a retention", topic)
		}
		config := kafka.TopicConfig{Topic: topic, NumPartitions: t.Partitions, ReplicationFactor: t.Replication}
		for name, value := range settings(t) {
			config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
		}
		request.Topics = append(request.Topics, config)
	}
	response, err := client.CreateTopics(ctx, &request)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for topic, err := range response.Errors {
		switch {
		case errors.Is(err, kafka.TopicAlreadyExists):
			if err := alignTopic(ctx, cfg, client, topic); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("create topic %s: %w", topic, err)
		default:
			cfg.logger().InfoContext(ctx, "topic created", "topic", topic, "partitions", cfg.topicConfig(topic).Partitions)
		}
	}
	for _, topic := range topics {
		if err := awaitTopic(ctx, client, topic); err != nil {
			return err
		}
	}
	return nil
}

// settings returns the settings of a topic by their names in Kafka.
func settings(t TopicConfig) map[string]string {
	s := map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}
	if t.Retention > 0 {
		s["retention.ms"] = strconv.FormatInt(t.Retention.Milliseconds(), 10)
	}
	if t.Replication >= 3 {
		s["min.insync.replicas"] = "2"
	}
	maps.Copy(s, t.Settings)
	return s
}

// alignTopic gives a topic that exists the settings it should have.
func alignTopic(ctx context.Context, cfg Config, client *kafka.Client, topic string) error {
	want := cfg.topicConfig(topic)
	if n, err := partitionCount(ctx, client, topic); err == nil && n != want.Partitions {
		cfg.logger().WarnContext(ctx, "topic keeps its number of partitions, since changing it would break the order of events",
			"topic", topic, "partitions", n, "configured", want.Partitions)
	}
	resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}
	all := settings(want)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		resource.Configs = append(resource.Configs, kafka.IncrementalAlterConfigsRequestConfig{
			Name: name, Value: all[name], ConfigOperation: kafka.ConfigOperationSet,
		})
	}
	response, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{resource},
	})
	if err != nil {
		return fmt.Errorf("alter topic %s: %w", topic, err)
	}
	for _, r := range response.Resources {
		if r.Error != nil {
			return fmt.Errorf("alter topic %s: %w", topic, r.Error)
		}
	}
	return nil
}

// awaitTopic waits until every partition of a topic has a leader that answers for it, which is somewhat later
// than when the leader is known.
func awaitTopic(ctx context.Context, client *kafka.Client, topic string) error {
	b := backoff.New()
	for {
		_, err := offsetsOf(ctx, client, []string{topic}, kafka.LastOffset)
		if err == nil {
			return nil
		}
		if waitErr := b.Wait(ctx); waitErr != nil {
			return fmt.Errorf("wait for topic %s: %w (last: %w)", topic, waitErr, err)
		}
	}
}

// partitionCount asks Kafka for the number of partitions of a topic, all of which have a leader.
func partitionCount(ctx context.Context, client *kafka.Client, topic string) (int, error) {
	leaders, err := partitionLeaders(ctx, client, topic)
	return len(leaders), err
}

// partitionLeaders asks Kafka for the ids of the brokers that lead the partitions of a topic, by partition.
func partitionLeaders(ctx context.Context, client *kafka.Client, topic string) ([]int, error) {
	m, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("metadata of topic %s: %w", topic, err)
	}
	for _, t := range m.Topics {
		if t.Name != topic {
			continue
		}
		if t.Error != nil {
			return nil, fmt.Errorf("metadata of topic %s: %w", topic, t.Error)
		}
		leaders := make([]int, len(t.Partitions))
		for _, p := range t.Partitions {
			if p.Error != nil {
				return nil, fmt.Errorf("metadata of topic %s, partition %d: %w", topic, p.ID, p.Error)
			}
			if p.ID >= len(leaders) {
				return nil, fmt.Errorf("metadata of topic %s: it has %d partitions, and one with the number %d", topic, len(leaders), p.ID)
			}
			leaders[p.ID] = p.Leader.ID
		}
		if len(leaders) > 0 {
			return leaders, nil
		}
	}
	return nil, fmt.Errorf("metadata of topic %s: %w", topic, kafka.UnknownTopicOrPartition)
}
