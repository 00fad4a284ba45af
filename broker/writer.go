package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/orderloom/orderloom/domain"
	"github.com/segmentio/kafka-go"
)

// Writer publishes events. It is safe for concurrent use, but only one caller at a time keeps the
// order of an aggregate's events: the relay's leader.
//
// It speaks to kafka-go's Client rather than to its Writer, because the order of events hangs on
// what happens after a failure: kafka.Writer goes on with the next batch of a partition when one has
// failed for good, and the repetition then arrives behind later events.
type Writer struct {
	cfg    Config
	client *kafka.Client
	close  func()
	// oversized counts the events that were too large for Kafka.
	oversized atomic.Int64

	mu         sync.Mutex
	partitions map[string][]int
}

// NewWriter returns a writer. It connects when it is first used.
func NewWriter(cfg Config) *Writer {
	client, closeClient := cfg.client()
	return &Writer{cfg: cfg, client: client, close: closeClient, partitions: map[string][]int{}}
}

// Close closes the connections.
func (w *Writer) Close() error {
	w.close()
	return nil
}

// Oversized is how many events were sent as a reference to the event store because Kafka would not
// take their payload.
func (w *Writer) Oversized() int64 { return w.oversized.Load() }

// Publish sends events, each partition's in the order given, and returns once every replica in sync
// has them. With an error it also returns the events that are not known to have arrived, in order:
// the caller repeats those before it sends any other.
func (w *Writer) Publish(ctx context.Context, events []domain.Envelope) (unpublished []domain.Envelope, err error) {
	type target struct {
		topic     string
		partition int
	}
	indexes := map[target][]int{}
	for i, env := range events {
		topic := Topic(env.AggregateType)
		partitions, err := w.partitionsOf(ctx, topic)
		if err != nil {
			return events, err
		}
		t := target{topic, partitionOf(env, partitions)}
		indexes[t] = append(indexes[t], i)
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []int
		errs   []error
	)
	for t, is := range indexes {
		wg.Go(func() {
			done, err := w.produceAll(ctx, t.topic, t.partition, events, is)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, is[done:]...)
				errs = append(errs, fmt.Errorf("produce to %s/%d: %w", t.topic, t.partition, err))
			}
		})
	}
	wg.Wait()
	slices.Sort(failed)
	for _, i := range failed {
		unpublished = append(unpublished, events[i])
	}
	return unpublished, errors.Join(errs...)
}

// produceAll sends the events at these indexes to one partition, in requests of at most
// messageBytesMax, and stops at the first failure. It returns how many have arrived.
func (w *Writer) produceAll(ctx context.Context, topic string, partition int, events []domain.Envelope, indexes []int) (done int, err error) {
	limit := w.cfg.messageBytesMax()
	for done < len(indexes) {
		var batch []kafka.Message
		bytes := 0
		for _, i := range indexes[done:] {
			m := w.encode(events[i], limit)
			if n := size(m); len(batch) > 0 && bytes+n > limit {
				break
			}
			bytes += size(m)
			batch = append(batch, m)
		}
		err := w.produce(ctx, topic, partition, batch)
		switch {
		case err == nil:
			done += len(batch)
		case !errors.Is(err, kafka.MessageSizeTooLarge):
			return done, err
		case len(batch) > 1:
			// The broker's limit is lower than ours and holds for the batch as a whole.
			limit = bytes / 2
		default:
			env := events[indexes[done]]
			w.reportOversized(env)
			if err := w.produce(ctx, topic, partition, []kafka.Message{claimCheck(env, w.cfg.Registry.reference(env))}); err != nil {
				return done, err
			}
			done++
		}
	}
	return done, nil
}

func (w *Writer) encode(env domain.Envelope, limit int) kafka.Message {
	m := Encode(env, w.cfg.Registry.reference(env))
	if size(m) > limit && limit == w.cfg.messageBytesMax() {
		w.reportOversized(env)
		return claimCheck(env, w.cfg.Registry.reference(env))
	}
	return m
}

func (w *Writer) reportOversized(env domain.Envelope) {
	w.oversized.Add(1)
	w.cfg.logger().Error("event is too large for Kafka: published as a reference to the event store",
		"event_id", env.EventID, "event_type", env.EventType, "payload_bytes", len(env.Payload))
}

// produce sends one batch to one partition.
func (w *Writer) produce(ctx context.Context, topic string, partition int, batch []kafka.Message) error {
	records := make([]kafka.Record, len(batch))
	for i, m := range batch {
		records[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Headers: m.Headers}
	}
	response, err := w.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, Records: kafka.NewRecordReader(records...),
		RequiredAcks: kafka.RequireAll, Compression: kafka.Snappy,
	})
	if err != nil {
		w.forget(topic)
		return err
	}
	if response.Error != nil {
		w.forget(topic)
		return response.Error
	}
	return nil
}

// partitionsOf returns the partitions of a topic, 0 to n-1.
func (w *Writer) partitionsOf(ctx context.Context, topic string) ([]int, error) {
	w.mu.Lock()
	ps := w.partitions[topic]
	w.mu.Unlock()
	if ps != nil {
		return ps, nil
	}
	n, err := partitionCount(ctx, w.client, topic)
	if err != nil {
		return nil, err
	}
	ps = make([]int, n)
	for i := range ps {
		ps[i] = i
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partitions[topic] = ps
	return ps, nil
}

func (w *Writer) forget(topic string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.partitions, topic)
}
