package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// Kept is what a topic keeps of the events that it was given, by its settings at Kafka.
type Kept struct {
	// For is how long events are kept, 0 for ever.
	For time.Duration
	// Sized is set when the topic also loses its oldest events once it is too large.
	Sized bool
	// Compacted is set when the topic keeps the last event of each aggregate only.
	Compacted bool
}

// Names of settings of a topic.
const (
	settingCleanup        = "cleanup.policy"
	settingRetention      = "retention.ms"
	settingRetentionBytes = "retention.bytes"
)

// KeptBy asks Kafka what the topics of all aggregate types keep. Where this client may not ask for that, it is what cfg
// says.
func KeptBy(ctx context.Context, cfg Config) (map[string]Kept, error) {
	client, closeClient := cfg.client()
	defer closeClient()
	names := map[string][]string{}
	for _, topic := range Topics() {
		names[topic] = []string{settingCleanup, settingRetention, settingRetentionBytes}
	}
	told, err := settingsOf(ctx, client, names)
	if err != nil {
		return nil, err
	}
	kept := map[string]Kept{}
	for topic := range names {
		values, may := told[topic]
		if !may {
			values = settings(cfg.topicConfig(topic))
		}
		kept[topic] = keptBy(values)
	}
	return kept, nil
}

// settingsOf asks Kafka for settings of topics, by their names. A topic that this client may not ask about is left out.
func settingsOf(ctx context.Context, client *kafka.Client, names map[string][]string) (map[string]map[string]string, error) {
	request := &kafka.DescribeConfigsRequest{}
	for topic, each := range names {
		request.Resources = append(request.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: each,
		})
	}
	response, err := client.DescribeConfigs(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("ask for the settings of the topics: %w", err)
	}
	told := map[string]map[string]string{}
	for _, r := range response.Resources {
		switch {
		case errors.Is(r.Error, kafka.TopicAuthorizationFailed):
			continue
		case r.Error != nil:
			return nil, fmt.Errorf("ask for the settings of topic %s: %w", r.ResourceName, r.Error)
		}
		told[r.ResourceName] = map[string]string{}
		for _, e := range r.ConfigEntries {
			told[r.ResourceName][e.ConfigName] = e.ConfigValue
		}
	}
	return told, nil
}

func keptBy(settings map[string]string) Kept {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(settings[name], 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	k := Kept{Compacted: strings.Contains(settings[settingCleanup], "compact")}
	if k.Compacted && !strings.Contains(settings[settingCleanup], "delete") {
		return k
	}
	if ms := number(settingRetention); ms >= 0 {
		k.For = max(time.Duration(ms)*time.Millisecond, time.Millisecond)
	}
	k.Sized = number(settingRetentionBytes) >= 0
	return k
}
