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
	ranges, err := rangesOf(ctx, client, Topics()...)
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
