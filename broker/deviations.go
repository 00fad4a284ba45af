package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go"
)

// Deviation is how a topic differs from what the settings make of it.
type Deviation struct {
	Topic string
	// Partitions is how many it has where that differs, and Copies the least that one of them has where those are too
	// few; otherwise 0. Copies that lag behind do not count.
	Partitions, Copies int
	// Setting is a setting of Kafka that differs, empty for none. It is Is and should be Should.
	Setting, Is, Should string
}

// Deviations returns how the topics differ from the settings. It changes nothing. What this client may not ask for is
// no deviation. Errors: Kafka can't be reached, or a topic is missing.
func (p *Probe) Deviations(ctx context.Context) ([]Deviation, error) {
	var all []Deviation
	names := map[string][]string{}
	for _, topic := range AllTopics() {
		want := p.cfg.topicConfig(topic)
		partitions, copies, err := p.sizes(ctx, topic)
		if err != nil {
			return nil, err
		}
		if partitions != want.Partitions {
			all = append(all, Deviation{Topic: topic, Partitions: partitions})
		}
		if copies < want.Replication {
			all = append(all, Deviation{Topic: topic, Copies: max(copies, 1)})
		}
		names[topic] = slices.Sorted(maps.Keys(settings(want)))
	}
	told, err := settingsOf(ctx, p.client, names)
	if err != nil {
		return nil, err
	}
	for _, topic := range slices.Sorted(maps.Keys(told)) {
		should := settings(p.cfg.topicConfig(topic))
		for _, name := range names[topic] {
			if is, known := told[topic][name]; known && is != should[name] {
				all = append(all, Deviation{Topic: topic, Setting: name, Is: is, Should: should[name]})
			}
		}
	}
	return all, nil
}

// LacksTopic reports whether an error says that Kafka does not have a topic.
func LacksTopic(err error) bool { return errors.Is(err, kafka.UnknownTopicOrPartition) }

// sizes returns how many partitions a topic has, and the least number of copies in step that one of them has.
func (p *Probe) sizes(ctx context.Context, topic string) (partitions, copies int, err error) {
	m, err := p.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, 0, fmt.Errorf("metadata of topic %s: %w", topic, err)
	}
	for _, t := range m.Topics {
		if t.Error != nil || t.Name != topic {
			return 0, 0, fmt.Errorf("metadata of topic %s: %w", topic, t.Error)
		}
		for i, partition := range t.Partitions {
			if n := len(partition.Isr); i == 0 || n < copies {
				copies = n
			}
		}
		partitions = len(t.Partitions)
	}
	return partitions, copies, nil
}
