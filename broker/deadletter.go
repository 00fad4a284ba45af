package broker

import (
	"context"
	"fmt"
	"strconv"

	"github.com/segmentio/kafka-go"
)

// Header names of a dead letter, besides those of the message itself.
const (
	headerDeadTopic     = "dead_letter_topic"
	headerDeadPartition = "dead_letter_partition"
	headerDeadOffset    = "dead_letter_offset"
	headerDeadReader    = "dead_letter_reader"
	headerDeadReason    = "dead_letter_reason"
)

// DeadLetter puts a copy of a message on the topic [DeadLetters], saying where it came from, who could
// not read it and why. It may be repeated, which makes another copy.
func (w *Writer) DeadLetter(ctx context.Context, m kafka.Message, reader, reason string) error {
	l, err := w.layoutOf(ctx, DeadLetters)
	if err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	dead := kafka.Message{Key: m.Key, Value: m.Value, Headers: append(append([]kafka.Header{}, m.Headers...),
		kafka.Header{Key: headerDeadTopic, Value: []byte(m.Topic)},
		kafka.Header{Key: headerDeadPartition, Value: []byte(strconv.Itoa(m.Partition))},
		kafka.Header{Key: headerDeadOffset, Value: []byte(strconv.FormatInt(m.Offset, 10))},
		kafka.Header{Key: headerDeadReader, Value: []byte(reader)},
		kafka.Header{Key: headerDeadReason, Value: []byte(reason)},
	)}
	partition := kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: m.Key}, l.partitions...)
	if err := w.produce(ctx, DeadLetters, partition, []kafka.Message{dead}); err != nil {
		return fmt.Errorf("dead letter: %w", err)
	}
	return nil
}
