package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/orderloom/orderloom/domain"
	"github.com/segmentio/kafka-go"
)

// Published is an event as Kafka has it.
type Published struct {
	Origin Origin
	Event  domain.Envelope
}

// Tail is the end of what was published.
type Tail struct {
	// Events are the last ones of each partition, those of one in their order. What is no event is left out.
	Events []Published
	// Ends is the sum of the offsets at which the partitions end. It is 0 when nothing was ever published, and does not
	// change while nothing comes.
	Ends int64
}

// tailsAtOnce is how many partitions are read at once.
const tailsAtOnce = 8

// ReadTail reads the last messages of each partition of the topics of all aggregate types, at most count of each. A
// topic that does not exist holds nothing.
//
// KnownEnds is the Ends of a call before, or -1. When the partitions still end there, it reads none of them and returns
// no events.
func ReadTail(ctx context.Context, cfg Config, count, knownEnds int64) (Tail, error) {
	client, closeClient := cfg.client()
	defer closeClient()
	ranges, err := rangesThere(ctx, client, Topics()...)
	if err != nil {
		return Tail{}, err
	}
	var t Tail
	for _, partitions := range ranges {
		for _, p := range partitions {
			t.Ends += p.LastOffset
		}
	}
	if t.Ends == knownEnds {
		return t, nil
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	slots := make(chan struct{}, tailsAtOnce)
	for topic, partitions := range ranges {
		for _, p := range partitions {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				var events []Published
				err := readRange(ctx, client, PartitionID{topic, p.Partition}, max(p.FirstOffset, p.LastOffset-count), p.LastOffset,
					func(m kafka.Message) error {
						if env, err := Decode(m); err == nil { // garbage is nobody's event
							events = append(events, Published{OriginOf(m), env})
						}
						return nil
					})
				mu.Lock()
				defer mu.Unlock()
				t.Events, failed = append(t.Events, events...), errors.Join(failed, err)
			})
		}
	}
	all.Wait()
	return t, failed
}

// Scan reads all that the topics of all aggregate types hold at this moment, partition by partition, and calls each
// for every event. An event whose payload was too large for Kafka comes without it. Progress is told the messages read
// and how many there are; it may be nil. A topic that does not exist holds nothing.
func Scan(ctx context.Context, cfg Config, progress func(read, all int64), each func(Published) error) error {
	client, closeClient := cfg.client()
	defer closeClient()
	ranges, err := rangesThere(ctx, client, Topics()...)
	if err != nil {
		return err
	}
	var read, all int64
	for _, partitions := range ranges {
		for _, p := range partitions {
			all += p.LastOffset - p.FirstOffset
		}
	}
	for topic, partitions := range ranges {
		for _, p := range partitions {
			err := readRange(ctx, client, PartitionID{topic, p.Partition}, p.FirstOffset, p.LastOffset, func(m kafka.Message) error {
				if read++; progress != nil && read%scanProgressEvery == 0 {
					progress(read, all)
				}
				env, err := Decode(m)
				if err != nil {
					return nil //nolint:nilerr // garbage is nobody's event
				}
				return each(Published{OriginOf(m), env})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// scanProgressEvery is after how many messages progress is told.
const scanProgressEvery = 10_000

// readRange calls each for the messages of a partition from an offset to another. What a topic has lost meanwhile is
// left out.
func readRange(ctx context.Context, client *kafka.Client, id PartitionID, first, end int64, each func(kafka.Message) error) error {
	for offset := first; offset < end; {
		response, err := client.Fetch(ctx, &kafka.FetchRequest{
			Topic: id.Topic, Partition: id.Partition, Offset: offset, MinBytes: 1, MaxBytes: fetchBytesMax, MaxWait: fetchWait,
		})
		if err == nil {
			err = response.Error
		}
		if err != nil {
			return fmt.Errorf("read %s/%d at %d: %w", id.Topic, id.Partition, offset, err)
		}
		next, err := readRecords(id, response.Records, offset, end, each)
		if err != nil {
			return fmt.Errorf("read %s/%d at %d: %w", id.Topic, id.Partition, offset, err)
		}
		if next == offset { // nothing is left there, such as behind a message that compaction took
			next = max(offset+1, response.LogStartOffset)
		}
		offset = next
	}
	return nil
}

// readRecords calls each for the records from an offset to another, and returns the offset behind the last one.
func readRecords(id PartitionID, records kafka.RecordReader, first, end int64, each func(kafka.Message) error) (next int64, err error) {
	for next = first; ; {
		record, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		if record.Offset < first || record.Offset >= end { // a batch comes whole
			next = max(next, min(record.Offset+1, end))
			continue
		}
		m, err := messageOf(&partition{PartitionID: id}, record)
		if err != nil {
			return next, err
		}
		if err := each(m); err != nil {
			return next, err
		}
		next = record.Offset + 1
	}
}
