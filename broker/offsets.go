package broker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
)

// leaderOffsets is a request for offsets to one broker, the leader of all partitions in it. As a [listoffsets.Request],
// kafka-go would send a request for each partition.
type leaderOffsets listoffsets.Request

// ApiKey returns the number of the request.
func (*leaderOffsets) ApiKey() protocol.ApiKey { return protocol.ListOffsets } //nolint:staticcheck // the name is kafka-go's

// Broker returns the leader of the first partition.
func (r *leaderOffsets) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	return (*listoffsets.Request)(r).Broker(cluster)
}

// offsetsFrom asks the leader of some partitions for offsets of each: [kafka.FirstOffset], [kafka.LastOffset], or both,
// with a request for each kind. An offset that is not asked for is -1. What keeps a single partition from being
// answered for is in its Error.
func offsetsFrom(ctx context.Context, client *kafka.Client, ids []PartitionID, kinds ...int64) (map[PartitionID]kafka.PartitionOffsets, error) {
	found := make(map[PartitionID]kafka.PartitionOffsets, len(ids))
	for _, id := range ids {
		found[id] = kafka.PartitionOffsets{Partition: id.Partition, FirstOffset: -1, LastOffset: -1}
	}
	for _, kind := range kinds {
		answers, err := askLeader(ctx, client, ids, kind)
		if err != nil {
			return nil, fmt.Errorf("list offsets: %w", err)
		}
		for id, p := range found {
			a, answered := answers[id]
			switch {
			case !answered:
				p.Error = cmp.Or(p.Error, errUnanswered)
			case a.ErrorCode != 0:
				p.Error = cmp.Or[error](p.Error, kafka.Error(a.ErrorCode))
			case kind == kafka.FirstOffset:
				p.FirstOffset = a.Offset
			default:
				p.LastOffset = a.Offset
			}
			found[id] = p
		}
	}
	return found, nil
}

// askLeader sends one request for offsets of one kind.
func askLeader(ctx context.Context, client *kafka.Client, ids []PartitionID, kind int64) (map[PartitionID]listoffsets.ResponsePartition, error) {
	topics := map[string][]listoffsets.RequestPartition{} // Kafka wants a topic to be named once
	for _, id := range ids {
		topics[id.Topic] = append(topics[id.Topic], listoffsets.RequestPartition{
			Partition: int32(id.Partition), CurrentLeaderEpoch: -1, Timestamp: kind,
		})
	}
	request := &leaderOffsets{ReplicaID: -1}
	for topic, partitions := range topics {
		request.Topics = append(request.Topics, listoffsets.RequestTopic{Topic: topic, Partitions: partitions})
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := client.Transport.RoundTrip(ctx, client.Addr, request)
	if err != nil {
		return nil, err
	}
	response, ok := answer.(*listoffsets.Response)
	if !ok {
		return nil, fmt.Errorf("answered with %T", answer)
	}
	answers := map[PartitionID]listoffsets.ResponsePartition{}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			answers[PartitionID{t.Topic, int(p.Partition)}] = p
		}
	}
	return answers, nil
}

// offsetsOf returns offsets of all partitions of the topics, which exist. See [offsetsFrom] for the kinds.
func offsetsOf(ctx context.Context, client *kafka.Client, topics []string, kinds ...int64) (map[string][]kafka.PartitionOffsets, error) {
	byLeader := map[int][]PartitionID{}
	for _, topic := range topics {
		leaders, err := partitionLeaders(ctx, client, topic)
		if err != nil {
			return nil, err
		}
		for partition, leader := range leaders {
			byLeader[leader] = append(byLeader[leader], PartitionID{topic, partition})
		}
	}
	offsets := make(map[string][]kafka.PartitionOffsets, len(topics))
	for _, leader := range slices.Sorted(maps.Keys(byLeader)) {
		found, err := offsetsFrom(ctx, client, byLeader[leader], kinds...)
		if err != nil {
			return nil, err
		}
		for id, p := range found {
			if p.Error != nil {
				return nil, fmt.Errorf("offsets of %s/%d: %w", id.Topic, id.Partition, p.Error)
			}
			offsets[id.Topic] = append(offsets[id.Topic], p)
		}
	}
	return offsets, nil
}

// rangesOf returns where the partitions of the topics begin and end.
func rangesOf(ctx context.Context, client *kafka.Client, topics ...string) (map[string][]kafka.PartitionOffsets, error) {
	return offsetsOf(ctx, client, topics, kafka.FirstOffset, kafka.LastOffset)
}

// rangesThere is [rangesOf] of those topics that exist.
func rangesThere(ctx context.Context, client *kafka.Client, topics ...string) (map[string][]kafka.PartitionOffsets, error) {
	there, err := topicsThere(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	return rangesOf(ctx, client, there...)
}

// topicsThere returns those of the topics that exist.
func topicsThere(ctx context.Context, client *kafka.Client, topics []string) (there []string, err error) {
	for _, topic := range topics {
		_, err := partitionCount(ctx, client, topic)
		if LacksTopic(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		there = append(there, topic)
	}
	return there, nil
}

// Ends returns the offset at which each partition ends, of the topics of all aggregate types and of customers' keys. A
// topic that does not exist has none.
func (w *Writer) Ends(ctx context.Context) (map[PartitionID]int64, error) {
	there, err := topicsThere(ctx, w.client, append(Topics(), CustomerKeys))
	if err != nil {
		return nil, err
	}
	offsets, err := offsetsOf(ctx, w.client, there, kafka.LastOffset)
	if err != nil {
		return nil, err
	}
	ends := map[PartitionID]int64{}
	for topic, partitions := range offsets {
		for _, p := range partitions {
			ends[PartitionID{topic, p.Partition}] = p.LastOffset
		}
	}
	return ends, nil
}
