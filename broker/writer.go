package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// Writer publishes events. It is safe for concurrent use, but only one caller at a time keeps the
// order of an aggregate's events: the relay's leader.
//
// It speaks to kafka-go's Client rather than to its Writer, because the order of events depends on what happens after
// a failure. kafka.Writer goes on with the next batch of a partition when one has failed for good. The repetition
// then arrives behind later events.
type Writer struct {
	cfg    Config
	client *kafka.Client
	close  func()
	// oversized counts the events that were too large for Kafka.
	oversized atomic.Int64
	// origin is where the events come from.
	origin atomic.Pointer[Origin]

	mu      sync.Mutex
	layouts map[string]layout // by topic
}

// NewWriter returns a writer. It connects when it is first used.
func NewWriter(cfg Config) *Writer {
	client, closeClient := cfg.client()
	return &Writer{cfg: cfg, client: client, close: closeClient, layouts: map[string]layout{}}
}

// Close closes the connections.
func (w *Writer) Close() error {
	w.close()
	return nil
}

// Oversized is how many events were sent as a reference to the event store because Kafka would not
// take their payload.
func (w *Writer) Oversized() int64 { return w.oversized.Load() }

// RefusedTopicsError says that some topics take nothing, while Kafka answers: they do not exist, or this client may
// not write to them. The events of other topics are not concerned.
type RefusedTopicsError struct{ refused map[string]error }

// Error names each topic and why it takes nothing.
func (e *RefusedTopicsError) Error() string {
	var text []string
	for _, aggregateType := range slices.Sorted(maps.Keys(e.refused)) {
		text = append(text, fmt.Sprintf("topic %s takes nothing: %v", Topic(aggregateType), e.refused[aggregateType]))
	}
	return strings.Join(text, "; ")
}

// RefusedTypes returns the aggregate types whose topics these are, and why each takes nothing.
func (e *RefusedTopicsError) RefusedTypes() map[string]error { return e.refused }

// RefusesTopic reports whether an error of Kafka is about a topic as a whole, and stays until somebody changes that.
func RefusesTopic(err error) bool {
	return errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.InvalidTopic)
}

// From says where the events come from that are published from now on. Their messages tell it to consumers.
func (w *Writer) From(o Origin) { w.origin.Store(&o) }

// message returns the message of an event.
func (w *Writer) message(env domain.Envelope) kafka.Message {
	m := Encode(env, w.cfg.Registry.reference(env))
	if o := w.origin.Load(); o != nil && o.Store != uuid.Nil {
		m.Headers = append(m.Headers, kafka.Header{Key: headerStore, Value: []byte(o.text())})
	}
	return m
}

// Publish sends events, each partition's in the order given, and returns once every replica in sync has them. With an
// error it also returns the events that are not known to have arrived, in order. The caller repeats those before it
// sends any other of their topics. Errors: [RefusedTopicsError], which holds up no other topic.
func (w *Writer) Publish(ctx context.Context, events []domain.Envelope) (unpublished []domain.Envelope, err error) {
	refused := map[string]error{}
	shares, failed, err := w.divide(ctx, events, refused)
	if err != nil {
		return events, err
	}
	leaders := map[int][]*share{}
	for _, s := range shares {
		leaders[s.leader] = append(leaders[s.leader], s)
	}
	var wg sync.WaitGroup
	for _, led := range leaders {
		wg.Go(func() { w.publish(ctx, events, led) })
	}
	wg.Wait()
	var errs []error
	for _, s := range shares {
		if s.err == nil {
			continue
		}
		failed = append(failed, s.indexes[s.done:]...)
		if RefusesTopic(s.err) {
			refused[events[s.indexes[0]].AggregateType] = s.err
			continue
		}
		errs = append(errs, fmt.Errorf("produce to %s/%d: %w", s.topic, s.partition, s.err))
	}
	if len(refused) > 0 {
		errs = append(errs, &RefusedTopicsError{refused})
	}
	slices.Sort(failed)
	for _, i := range failed {
		unpublished = append(unpublished, events[i])
	}
	return unpublished, errors.Join(errs...)
}

// share is what goes to one partition.
type share struct {
	topic             string
	partition, leader int
	// indexes are those of its events; the first done of them have arrived.
	indexes []int
	done    int
	err     error
}

// divide says which events go to which partition, and who leads it. It adds to refused the types whose topics take
// nothing, and returns the indexes of their events.
func (w *Writer) divide(ctx context.Context, events []domain.Envelope, refused map[string]error) (shares []*share, without []int, err error) {
	type target struct {
		topic     string
		partition int
	}
	index := map[target]*share{}
	for i, env := range events {
		if refused[env.AggregateType] != nil {
			without = append(without, i)
			continue
		}
		topic := Topic(env.AggregateType)
		l, err := w.layoutOf(ctx, topic)
		if err != nil && RefusesTopic(err) {
			refused[env.AggregateType], without = err, append(without, i)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		t := target{topic, partitionOf(env, l.partitions)}
		s := index[t]
		if s == nil {
			s = &share{topic: topic, partition: t.partition, leader: l.leaders[t.partition]}
			index[t] = s
			shares = append(shares, s)
		}
		s.indexes = append(s.indexes, i)
	}
	return shares, without, nil
}

// publish sends shares of partitions that one broker leads. One request has as much of each as there may be in one
// request. What is left is sent partition by partition.
func (w *Writer) publish(ctx context.Context, events []domain.Envelope, shares []*share) {
	w.produceTogether(ctx, events, shares)
	for _, s := range shares {
		if s.err == nil || errors.Is(s.err, kafka.MessageSizeTooLarge) {
			var n int
			n, s.err = w.produceAll(ctx, s.topic, s.partition, events, s.indexes[s.done:])
			s.done += n
		}
	}
}

// produceTogether sends the first batch of each share in one request. kafka.Client.Produce knows requests for
// one partition only, and a page of the relay is for most of them.
func (w *Writer) produceTogether(ctx context.Context, events []domain.Envelope, shares []*share) {
	request := &produce.Request{Acks: int16(kafka.RequireAll), Timeout: int32(requestTimeout / time.Millisecond)}
	sent := map[*share]int{}
	at := map[string]int{} // a topic is named once
	for _, s := range shares {
		batch, _ := w.batch(events, s.indexes, w.cfg.messageBytesMax())
		sent[s] = len(batch)
		p := produce.RequestPartition{Partition: int32(s.partition), RecordSet: protocol.RecordSet{
			Attributes: protocol.Attributes(kafka.Snappy), Records: records(batch),
		}}
		n, named := at[s.topic]
		if !named {
			n = len(request.Topics)
			at[s.topic] = n
			request.Topics = append(request.Topics, produce.RequestTopic{Topic: s.topic})
		}
		request.Topics[n].Partitions = append(request.Topics[n].Partitions, p)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := w.client.Transport.RoundTrip(ctx, w.client.Addr, request)
	codes := map[string]map[int32]int16{}
	if r, ok := answer.(*produce.Response); ok {
		for _, t := range r.Topics {
			if codes[t.Topic] == nil {
				codes[t.Topic] = map[int32]int16{}
			}
			for _, p := range t.Partitions {
				codes[t.Topic][p.Partition] = p.ErrorCode
			}
		}
	}
	for _, s := range shares {
		code, answered := codes[s.topic][int32(s.partition)]
		switch {
		case err != nil:
			s.err = err
		case !answered:
			s.err = errUnanswered
		case code != 0:
			s.err = kafka.Error(code)
		default:
			s.done = sent[s]
			continue
		}
		w.forget(s.topic)
	}
}

var errUnanswered = errors.New("the broker's answer says nothing of the partition")

// batch encodes the events at these indexes, as many as go into limit bytes, and at least one.
func (w *Writer) batch(events []domain.Envelope, indexes []int, limit int) (batch []kafka.Message, bytes int) {
	for _, i := range indexes {
		m := w.encode(events[i], limit)
		n := size(m)
		if len(batch) > 0 && bytes+n > limit {
			break
		}
		bytes += n
		batch = append(batch, m)
	}
	return batch, bytes
}

// produceAll sends the events at these indexes to one partition, in requests of at most
// messageBytesMax, and stops at the first failure. It returns how many have arrived.
func (w *Writer) produceAll(ctx context.Context, topic string, partition int, events []domain.Envelope, indexes []int) (done int, err error) {
	limit := w.cfg.messageBytesMax()
	for done < len(indexes) {
		batch, bytes := w.batch(events, indexes[done:], limit)
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
			if err := w.produce(ctx, topic, partition, []kafka.Message{claimCheck(w.message(env), env)}); err != nil {
				return done, err
			}
			done++
		}
	}
	return done, nil
}

func (w *Writer) encode(env domain.Envelope, limit int) kafka.Message {
	m := w.message(env)
	if size(m) > limit && limit == w.cfg.messageBytesMax() {
		w.reportOversized(env)
		return claimCheck(m, env)
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
	response, err := w.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, Records: records(batch),
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

func records(batch []kafka.Message) kafka.RecordReader {
	out := make([]kafka.Record, len(batch))
	for i, m := range batch {
		out[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Headers: m.Headers}
	}
	return kafka.NewRecordReader(out...)
}

// layout is a topic's partitions, 0 to n-1, and the brokers that lead them.
type layout struct{ partitions, leaders []int }

func (w *Writer) layoutOf(ctx context.Context, topic string) (layout, error) {
	w.mu.Lock()
	l, ok := w.layouts[topic]
	w.mu.Unlock()
	if ok {
		return l, nil
	}
	var err error
	if l.leaders, err = partitionLeaders(ctx, w.client, topic); err != nil {
		return layout{}, err
	}
	for i := range l.leaders {
		l.partitions = append(l.partitions, i)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.layouts[topic] = l
	return l, nil
}

func (w *Writer) forget(topic string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.layouts, topic)
}
