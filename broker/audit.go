package broker

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
)

// Audited is what Kafka holds of one aggregate.
type Audited struct {
	// First is the lowest version at which the stream begins in Kafka. Last is the highest one that was reached from
	// there without a gap. Events counts them, without repetitions.
	First, Last int64
	Events      int64
	// Repeated counts events that came again. They do no harm.
	Repeated int64
	// Missing counts versions that were skipped: a later one came before them. It is 0 unless order or
	// delivery was broken.
	Missing int64
}

// Audit reads all that the topics of all aggregate types hold at this moment, and returns what there is of
// each aggregate. It joins no group and commits nothing. progress may be nil; it is told the messages read and
// how many there are.
func Audit(ctx context.Context, cfg Config, progress func(read, all int64)) (map[uuid.UUID]Audited, error) {
	client, closeClient := cfg.client()
	defer closeClient()
	offsets, err := rangesOf(ctx, client, Topics()...)
	if err != nil {
		return nil, err
	}
	a := &audit{cfg: cfg, streams: map[uuid.UUID]Audited{}, progress: progress}
	for _, partitions := range offsets {
		for _, p := range partitions {
			a.all += p.LastOffset - p.FirstOffset
		}
	}
	for topic, partitions := range offsets {
		for _, p := range partitions {
			if err := a.partition(ctx, topic, p.Partition, p.FirstOffset, p.LastOffset); err != nil {
				return nil, err
			}
		}
	}
	return a.streams, nil
}

type audit struct {
	cfg       Config
	mu        sync.Mutex
	streams   map[uuid.UUID]Audited
	read, all int64
	progress  func(read, all int64)
}

// partition reads one partition from an offset to another.
func (a *audit) partition(ctx context.Context, topic string, partition int, first, end int64) error {
	if first >= end {
		return nil
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: a.cfg.Brokers, Topic: topic, Partition: partition, Dialer: a.cfg.dialer(),
		MinBytes: 1, MaxBytes: fetchBytesMax, MaxWait: fetchWait, QueueCapacity: queueLen, ReadLagInterval: -1, MaxAttempts: 3,
		OffsetOutOfRangeError: true,
	})
	defer func() { _ = reader.Close() }()
	if err := reader.SetOffset(first); err != nil {
		return fmt.Errorf("audit %s/%d: %w", topic, partition, err)
	}
	for offset := first; offset < end; {
		m, err := reader.FetchMessage(ctx)
		if err != nil {
			return fmt.Errorf("audit %s/%d: %w", topic, partition, err)
		}
		offset = m.Offset + 1
		a.note(m)
	}
	return nil
}

func (a *audit) note(m kafka.Message) {
	env, err := Decode(m)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.read++; a.progress != nil && a.read%10_000 == 0 {
		a.progress(a.read, a.all)
	}
	if err != nil {
		return // garbage is nobody's event
	}
	s := a.streams[env.AggregateID]
	switch {
	case s.Events == 0:
		s = Audited{First: env.Version, Last: env.Version, Events: 1}
	case env.Version <= s.Last:
		s.Repeated++
	default:
		s.Missing += env.Version - s.Last - 1
		s.Last, s.Events = env.Version, s.Events+1
	}
	a.streams[env.AggregateID] = s
}
