package broker

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// CustomerKeys is the topic of the copies of customers' keys, wrapped: the newest of each is kept for ever.
const CustomerKeys = "orderloom-customer-keys"

// keyCopiesMax bounds for how long a topic may keep a copy that has a newer one: that of a key that was destroyed
// since.
const keyCopiesMax = 24 * time.Hour

// compacted are the settings of the topic of customers' keys, whatever others have.
var compacted = map[string]string{
	settingCleanup:              "compact",
	settingRetention:            "-1",
	"segment.ms":                strconv.FormatInt(time.Hour.Milliseconds(), 10),
	"max.compaction.lag.ms":     strconv.FormatInt(keyCopiesMax.Milliseconds(), 10),
	"min.cleanable.dirty.ratio": "0.01",
}

// Copy is what is kept of a key under its name. Of one name, the newest copy counts.
type Copy struct {
	Name  string
	Value []byte
	// Last is set for a copy after which there is none. It goes to every partition, so that no older copy is kept
	// anywhere. A name has another partition once the topic has got more of them.
	Last bool
}

// WriteCopies sends copies of keys, and returns once every replica in sync has them. It may be repeated.
func (w *Writer) WriteCopies(ctx context.Context, copies []Copy) error {
	l, err := w.layoutOf(ctx, CustomerKeys)
	if err != nil {
		return err
	}
	batches := map[int][]kafka.Message{}
	for _, c := range copies {
		m := kafka.Message{Key: []byte(c.Name), Value: c.Value}
		to := l.partitions
		if !c.Last {
			to = []int{kafka.Murmur2Balancer{Consistent: true}.Balance(m, l.partitions...)}
		}
		for _, p := range to {
			batches[p] = append(batches[p], m)
		}
	}
	for p, batch := range batches {
		if err := w.produce(ctx, CustomerKeys, p, batch); err != nil {
			return fmt.Errorf("produce to %s/%d: %w", CustomerKeys, p, err)
		}
	}
	return nil
}

// ReadCopies returns the newest copy of each key, by its name. Without the topic there are none.
func ReadCopies(ctx context.Context, cfg Config) (map[string][]byte, error) {
	client, closeClient := cfg.client()
	defer closeClient()
	ranges, err := rangesThere(ctx, client, CustomerKeys)
	if err != nil {
		return nil, err
	}
	newest, written := map[string][]byte{}, map[string]time.Time{}
	for _, p := range ranges[CustomerKeys] {
		err := readRange(ctx, client, PartitionID{CustomerKeys, p.Partition}, p.FirstOffset, p.LastOffset, func(m kafka.Message) error {
			name := string(m.Key)
			if m.Time.Before(written[name]) { // by another partition, when the topic has got more of them
				return nil
			}
			newest[name], written[name] = m.Value, m.Time
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return newest, nil
}
