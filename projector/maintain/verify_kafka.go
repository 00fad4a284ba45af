package maintain

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/projector"
)

const (
	// relayWaitMax bounds how long a comparison with Kafka waits for the relay, relayPoll is how often it looks.
	relayWaitMax = 30 * time.Second
	relayPoll    = 100 * time.Millisecond
)

// PublishedStore is the event store, and how much of it the relay has published.
type PublishedStore interface {
	projector.StreamLister
	// LastSequence returns the sequence of the last event.
	LastSequence(ctx context.Context) (int64, error)
	// Published returns the sequence up to which the relay has published.
	Published(ctx context.Context) (int64, error)
	// Events ranges over events in their order.
	Events(ctx context.Context, o eventstore.ReadOptions) iter.Seq2[domain.Envelope, error]
}

// KafkaVerification is what comparing Kafka with the event store has shown.
type KafkaVerification struct {
	Streams int64 `json:"streams"`
	Events  int64 `json:"events"`
	// Repeated counts events that are there more than once; they do no harm.
	Repeated int64 `json:"repeated"`
	// Expired counts streams whose first events, or all of them, Kafka need not keep any longer by its settings.
	Expired int64 `json:"expired"`
	// Wrong counts streams of which Kafka has skipped an event, or lacks one that it should still keep.
	Wrong       int64        `json:"wrong"`
	Differences []Difference `json:"differences,omitempty"`
}

// OK reports whether Kafka has every event, in order for each aggregate, as far back as its retention goes.
func (v KafkaVerification) OK() bool { return v.Wrong == 0 }

// VerifyKafka compares what the topics hold with the event store. Every event that the relay has published up to now
// must be there, in the order of its aggregate. What a topic need not keep by its settings may be gone. With expired,
// streams of which Kafka holds nothing are left out: that is for topics that somebody has emptied. Errors:
// relay_behind.
func VerifyKafka(
	ctx context.Context, cfg broker.Config, store PublishedStore, expired bool, progress func(read, all int64),
) (v KafkaVerification, err error) {
	want := map[uuid.UUID]eventstore.StreamVersion{}
	err = projector.EachPage(ctx, store, verifyPage, func(page []eventstore.StreamVersion) error {
		for _, s := range page {
			want[s.Stream.ID] = s
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	if err := awaitRelay(ctx, store); err != nil {
		return v, err
	}
	have, err := broker.Audit(ctx, cfg, progress)
	if err != nil {
		return v, err
	}
	kept, err := broker.KeptBy(ctx, cfg)
	if err != nil {
		return v, err
	}
	due, err := dueVersions(ctx, store, want, have, kept)
	if err != nil {
		return v, err
	}
	for id, s := range want {
		h := have[id]
		if h.Events == 0 && (expired || due.from(s) == 0) {
			v.Expired++
			continue
		}
		v.Streams++
		v.Events, v.Repeated = v.Events+h.Events, v.Repeated+h.Repeated
		if due.lacks(s, h) {
			v.differ(s, h)
		} else if h.First > 1 {
			v.Expired++
		}
	}
	return v, nil
}

func (v *KafkaVerification) differ(s eventstore.StreamVersion, h broker.Audited) {
	v.Wrong++
	if len(v.Differences) < differencesMax {
		v.Differences = append(v.Differences, Difference{
			View: "kafka", Key: s.Stream.String(), Want: fmt.Sprintf("versions up to %d", s.Version),
			Have: fmt.Sprintf("versions %d to %d, %d missing in between", h.First, h.Last, h.Missing),
		})
	}
}

// due tells which versions of each stream Kafka should still keep.
type due struct {
	kept map[string]broker.Kept
	// recent is the first version of each stream that is younger than its topic's retention.
	recent map[uuid.UUID]int64
}

// dueVersions finds which versions Kafka should still keep. It asks the store for recent events only where Kafka lacks
// something. Kafka goes by when an event was published, which is later than when it happened. So what is due by the
// event's own time is due at Kafka.
func dueVersions(
	ctx context.Context, store PublishedStore, want map[uuid.UUID]eventstore.StreamVersion, have map[uuid.UUID]broker.Audited, kept map[string]broker.Kept,
) (due, error) {
	d := due{kept, map[uuid.UUID]int64{}}
	now := time.Now() // after the audit: what has expired during it is not due
	asked := map[string]bool{}
	for id, s := range want {
		k, h := kept[broker.Topic(s.Stream.Type)], have[id]
		if k.For == 0 || asked[s.Stream.Type] || h.First == 1 && h.Last >= s.Version {
			continue
		}
		asked[s.Stream.Type] = true
		o := eventstore.ReadOptions{Filter: eventstore.Filter{AggregateTypes: []string{s.Stream.Type}, From: now.Add(-k.For)}}
		for env, err := range store.Events(ctx, o) {
			if err != nil {
				return d, err
			}
			if first, known := d.recent[env.AggregateID]; !known || env.Version < first {
				d.recent[env.AggregateID] = env.Version
			}
		}
	}
	return d, nil
}

// from returns the first version of a stream that Kafka should still keep, 0 for none.
func (d due) from(s eventstore.StreamVersion) int64 {
	k := d.kept[broker.Topic(s.Stream.Type)]
	first := int64(1)
	switch {
	case k.Sized:
		return 0
	case k.For > 0:
		first = d.recent[s.Stream.ID]
	}
	if first > s.Version {
		return 0 // appended since
	}
	if k.Compacted && first > 0 {
		return s.Version
	}
	return first
}

// lacks reports whether Kafka lacks something of a stream. A topic loses its oldest events first, so behind the first
// one that is there, all must be.
func (d due) lacks(s eventstore.StreamVersion, h broker.Audited) bool {
	first := d.from(s)
	if h.Events == 0 {
		return first > 0
	}
	if d.kept[broker.Topic(s.Stream.Type)].Compacted {
		return h.Last < s.Version
	}
	return h.Missing > 0 || h.Last < s.Version || first > 0 && h.First > first
}

// CodeRelayBehind refuses to compare Kafka with the event store while the relay does not catch up.
const CodeRelayBehind domain.ErrorCode = "relay_behind"

// awaitRelay waits until the relay has published all that there is now. Errors: relay_behind.
func awaitRelay(ctx context.Context, store PublishedStore) error {
	end, err := store.LastSequence(ctx)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(relayWaitMax)
	for {
		position, err := store.Published(ctx)
		if err != nil {
			return err
		}
		if position >= end {
			return nil
		}
		if time.Now().After(deadline) {
			return domain.Refuse(CodeRelayBehind, "the relay has published up to %d of %d: is one running?", position, end)
		}
		if err := backoff.Pause(ctx, relayPoll); err != nil {
			return err
		}
	}
}
