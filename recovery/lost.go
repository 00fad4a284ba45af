package recovery

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// scanBatch is how many published events are compared, and taken back, at once.
const scanBatch = 500

// Gap is a stream of which events are lost that nobody can give back, as far as is known.
type Gap struct {
	Stream eventstore.StreamID
	// Have is the version that the store has or gets back.
	Have int64
	// First and Last bound the versions that Kafka has beyond and that can't be taken back.
	First, Last int64
	// Cause says why, for people.
	Cause string
}

// String names the stream, the versions, and the cause.
func (g Gap) String() string {
	return fmt.Sprintf("%s has version %d, and versions %d to %d can't be taken back: %s", g.Stream, g.Have, g.First, g.Last, g.Cause)
}

// Loss is a stream of which the store lacks events that Kafka has.
type Loss struct {
	Stream eventstore.StreamID `json:"stream"`
	// Have is the version that the store has. First and Last bound the versions that it lacks, or has otherwise.
	Have  int64 `json:"have"`
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// String names the stream and the versions.
func (l Loss) String() string {
	return fmt.Sprintf("%s has version %d, and Kafka has other events as versions %d to %d", l.Stream, l.Have, l.First, l.Last)
}

// scan compares all that Kafka has of the store with the store.
type scan struct {
	store identified
	// take stores lost events; nil only counts them.
	take func(ctx context.Context, lost []domain.Envelope) (int, error)

	batch []broker.Published
	// reached is how far the streams come that have lost events, with what is taken back.
	reached map[uuid.UUID]int64
	gaps    map[uuid.UUID]*Gap
	losses  map[uuid.UUID]*Loss
	// events counts those of this store.
	events int64
	// lost counts the events that can be taken back, taken those that were.
	lost, taken int64
	known       eventstore.Known
	// foreign counts events of other stores, and of nobody.
	foreign int64
}

// identified is the store, and who it was when the scan began.
type identified struct {
	Store
	identity eventstore.Identity
}

func newScan(store Store, identity eventstore.Identity, take func(context.Context, []domain.Envelope) (int, error)) *scan {
	return &scan{store: identified{store, identity}, take: take, reached: map[uuid.UUID]int64{}, gaps: map[uuid.UUID]*Gap{}, losses: map[uuid.UUID]*Loss{}}
}

// run goes through all that Kafka has.
func (s *scan) run(ctx context.Context, kafka Kafka, progress func(read, all int64)) error {
	err := kafka.Scan(ctx, progress, func(p broker.Published) error {
		if p.Origin.Store != s.store.identity.ID {
			s.foreign++
			return nil
		}
		s.events++
		if !counts(s.store.identity, p.Origin.Store, p.Origin.Epoch) {
			return nil
		}
		s.known.Epoch, s.known.Sequence = max(s.known.Epoch, p.Origin.Epoch), max(s.known.Sequence, p.Event.Sequence)
		if s.batch = append(s.batch, p); len(s.batch) < scanBatch {
			return nil
		}
		return s.flush(ctx)
	})
	if err != nil {
		return err
	}
	return s.flush(ctx)
}

// flush compares the batch, and takes back what is lost of it.
func (s *scan) flush(ctx context.Context) error {
	events := make([]domain.Envelope, len(s.batch))
	for i, p := range s.batch {
		events[i] = p.Event
	}
	s.batch = s.batch[:0]
	lacks, err := s.store.Lacks(ctx, events)
	if err != nil {
		return err
	}
	var lost []domain.Envelope
	for _, l := range lacks {
		e := events[l.Index]
		s.note(e, l.Version)
		if s.follows(e, l.Version) {
			lost = append(lost, e)
		}
	}
	s.lost += int64(len(lost))
	if s.take == nil || len(lost) == 0 {
		return nil
	}
	n, err := s.take(ctx, lost)
	s.taken += int64(n)
	return err
}

// note lists the stream of an event that the store lacks.
func (s *scan) note(e domain.Envelope, have int64) {
	l := s.losses[e.AggregateID]
	if l == nil {
		l = &Loss{Stream: eventstore.StreamID{Type: e.AggregateType, ID: e.AggregateID}, Have: have, First: e.Version}
		s.losses[e.AggregateID] = l
	}
	l.First, l.Last = min(l.First, e.Version), max(l.Last, e.Version)
}

// follows reports whether an event that the store lacks can be taken back. It notes a gap otherwise.
func (s *scan) follows(e domain.Envelope, have int64) bool {
	reached, known := s.reached[e.AggregateID]
	if !known {
		reached = have
	}
	var cause string
	switch {
	case have >= e.Version:
		cause = "the store has another event in this place"
	case e.Version <= reached:
		return false // a repetition
	case s.gaps[e.AggregateID] != nil:
		cause = s.gaps[e.AggregateID].Cause
	case e.Version > reached+1:
		cause = "Kafka has nothing in between any more"
	case e.Payload == nil:
		cause = "it was too large for Kafka"
	default:
		s.reached[e.AggregateID] = e.Version
		return true
	}
	g := s.gaps[e.AggregateID]
	if g == nil {
		g = &Gap{Stream: eventstore.StreamID{Type: e.AggregateType, ID: e.AggregateID}, Have: reached, First: e.Version, Cause: cause}
		s.gaps[e.AggregateID] = g
	}
	g.Last = max(g.Last, e.Version)
	return false
}
