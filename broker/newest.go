package broker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
)

// Newest returns the highest sequence of an event that lies at the end of any partition, 0 when the topics hold
// nothing. It reads one message of each partition.
func Newest(ctx context.Context, cfg Config) (sequence int64, err error) {
	client, closeClient := cfg.client()
	defer closeClient()
	ranges, err := offsetsOf(ctx, client, Topics()...)
	if err != nil {
		return 0, err
	}
	for topic, partitions := range ranges {
		for _, p := range partitions {
			if p.FirstOffset >= p.LastOffset {
				continue
			}
			n, err := newestOf(ctx, client, topic, p)
			if err != nil {
				return 0, err
			}
			sequence = max(sequence, n)
		}
	}
	return sequence, nil
}

// Ends returns the offset at which each partition ends, of the topics of all aggregate types and of customers' keys. A
// topic that does not exist has none.
func (w *Writer) Ends(ctx context.Context) (map[PartitionID]int64, error) {
	ranges, err := offsetsThere(ctx, w.client, append(Topics(), CustomerKeys)...)
	if err != nil {
		return nil, err
	}
	ends := map[PartitionID]int64{}
	for topic, partitions := range ranges {
		for _, p := range partitions {
			ends[PartitionID{topic, p.Partition}] = p.LastOffset
		}
	}
	return ends, nil
}

// newestOf returns the sequence of the last message of a partition, 0 when that is no event.
func newestOf(ctx context.Context, client *kafka.Client, topic string, p kafka.PartitionOffsets) (sequence int64, err error) {
	response, err := client.Fetch(ctx, &kafka.FetchRequest{
		Topic: topic, Partition: p.Partition, Offset: p.LastOffset - 1, MinBytes: 1, MaxBytes: partitionBytesMax, MaxWait: fetchWait,
	})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		return 0, fmt.Errorf("read the end of %s/%d: %w", topic, p.Partition, err)
	}
	for {
		record, err := response.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return sequence, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read the end of %s/%d: %w", topic, p.Partition, err)
		}
		m, err := messageOf(&partition{PartitionID: PartitionID{topic, p.Partition}}, record)
		if err != nil {
			return 0, fmt.Errorf("read the end of %s/%d: %w", topic, p.Partition, err)
		}
		if env, err := Decode(m); err == nil { // garbage is nobody's event
			sequence = max(sequence, env.Sequence)
		}
	}
}

// offsetsOf returns where the partitions of the topics begin and end.
func offsetsOf(ctx context.Context, client *kafka.Client, topics ...string) (map[string][]kafka.PartitionOffsets, error) {
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for _, topic := range topics {
		n, err := partitionCount(ctx, client, topic)
		if err != nil {
			return nil, err
		}
		for p := range n {
			request.Topics[topic] = append(request.Topics[topic], kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
		}
	}
	offsets, err := client.ListOffsets(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	for topic, partitions := range offsets.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return nil, fmt.Errorf("offsets of %s/%d: %w", topic, p.Partition, p.Error)
			}
		}
	}
	return offsets.Topics, nil
}
