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
	request := &kafka.DescribeConfigsRequest{}
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
		request.Resources = append(request.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: slices.Sorted(maps.Keys(settings(want))),
		})
	}
	response, err := p.client.DescribeConfigs(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("ask for the settings of the topics: %w", err)
	}
	for _, r := range response.Resources {
		switch {
		case errors.Is(r.Error, kafka.TopicAuthorizationFailed):
			continue
		case r.Error != nil:
			return nil, fmt.Errorf("ask for the settings of topic %s: %w", r.ResourceName, r.Error)
		}
		should := settings(p.cfg.topicConfig(r.ResourceName))
		for _, e := range r.ConfigEntries {
			if wanted, set := should[e.ConfigName]; set && wanted != e.ConfigValue {
				all = append(all, Deviation{Topic: r.ResourceName, Setting: e.ConfigName, Is: e.ConfigValue, Should: wanted})
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
