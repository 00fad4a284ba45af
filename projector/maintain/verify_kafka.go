package maintain

import (
	"context"
	"fmt"
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
}

// KafkaVerification is what comparing Kafka with the event store has shown.
type KafkaVerification struct {
	Streams int64 `json:"streams"`
	Events  int64 `json:"events"`
	// Repeated counts events that are there more than once; they do no harm.
	Repeated int64 `json:"repeated"`
	// Expired counts streams whose first events Kafka's retention has taken.
	Expired int64 `json:"expired"`
	// Wrong counts streams of which Kafka has skipped an event or lacks the last ones.
	Wrong       int64        `json:"wrong"`
	Differences []Difference `json:"differences,omitempty"`
}

// OK reports whether Kafka has every event, in order for each aggregate, as far back as its retention goes.
func (v KafkaVerification) OK() bool { return v.Wrong == 0 }

// VerifyKafka compares what the topics hold with the event store. Every event that the relay has published up to now
// must be there, in the order of its aggregate. With expired, streams of which Kafka holds nothing are left out, which
// is right once retention has passed over them. Errors: relay_behind.
func VerifyKafka(
	ctx context.Context, cfg broker.Config, store PublishedStore, expired bool, progress func(read, all int64),
) (KafkaVerification, error) {
	var v KafkaVerification
	want := map[uuid.UUID]eventstore.StreamVersion{}
	err := projector.EachPage(ctx, store, verifyPage, func(page []eventstore.StreamVersion) error {
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
	for id, s := range want {
		h := have[id]
		if h.Events == 0 && expired {
			v.Expired++
			continue
		}
		v.Streams++
		v.Events, v.Repeated = v.Events+h.Events, v.Repeated+h.Repeated
		if h.First > 1 {
			v.Expired++
		}
		if h.Missing > 0 || h.Last < s.Version {
			v.Wrong++
			if len(v.Differences) < differencesMax {
				v.Differences = append(v.Differences, Difference{
					View: "kafka", Key: s.Stream.String(), Want: fmt.Sprintf("versions up to %d", s.Version),
					Have: fmt.Sprintf("versions %d to %d, %d missing in between", h.First, h.Last, h.Missing),
				})
			}
		}
	}
	return v, nil
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
