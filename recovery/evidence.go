package recovery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// Store is what the package needs of the event store; [eventstore.Store] is one.
type Store interface {
	Identity(ctx context.Context) (eventstore.Identity, error)
	Doubt(ctx context.Context, identity eventstore.Identity, reason string) (eventstore.Identity, error)
	Confirm(ctx context.Context, identity eventstore.Identity, known eventstore.Known) error
	Lacks(ctx context.Context, published []domain.Envelope) ([]eventstore.Lack, error)
	TakeBack(ctx context.Context, lost []domain.Envelope) (taken int, err error)
	LastSequence(ctx context.Context) (int64, error)
	RestoredAsOf(ctx context.Context) (time.Time, error)
}

// Kafka is what was published. All calls may be repeated.
type Kafka interface {
	// Tail returns the last events of each partition, at most count of each, or none when nothing has come since
	// knownEnds; see [broker.ReadTail].
	Tail(ctx context.Context, count, knownEnds int64) (broker.Tail, error)
	// Scan calls each for every event that there is; see [broker.Scan].
	Scan(ctx context.Context, progress func(read, all int64), each func(broker.Published) error) error
}

// Mark is how far the store was when it was last known to be complete. It is kept at Temporal.
type Mark struct {
	// Store is the event store's id; zero for no mark.
	Store uuid.UUID `json:"store_id"`
	// Epoch is that of the store, and Sequence is up to where its events were published.
	Epoch    int64     `json:"epoch"`
	Sequence int64     `json:"sequence"`
	At       time.Time `json:"at"`
}

// Marks keeps the mark. All calls may be repeated.
type Marks interface {
	// ReadMark returns the mark, zero when there is none.
	ReadMark(ctx context.Context) (Mark, error)
	WriteMark(ctx context.Context, m Mark) error
}

// Sources are the store and what lies outside of it.
type Sources struct {
	Store Store
	Kafka Kafka
	Marks Marks
	// Published returns the sequence up to which the store itself says that its events are published.
	Published func(ctx context.Context) (int64, error)
}

// tailCount is how many of the last messages of each partition are compared with the store. More than one, since the
// last one may be a repetition, and since events become visible in another order than that of their sequences.
const tailCount = 100

// evidence is what the outside says about the store.
type evidence struct {
	known eventstore.Known
	ends  int64
	mark  Mark
	// position is up to where the store says that it has published.
	position int64
	// behind says what others know and the store does not; empty when there is nothing.
	behind string
	// unproven says why it is not certain that the store has all that was published; empty when it is.
	unproven string
}

// counts reports whether something that names a store and its epoch is evidence. Before an epoch is confirmed, all that
// is known of earlier ones was compared. What the store lacks of those is a loss that was accepted.
func counts(identity eventstore.Identity, store uuid.UUID, epoch int64) bool {
	return store == identity.ID && (!identity.Confirmed || epoch >= identity.Epoch)
}

// look compares the store with the end of what was published, and with the mark. A mark that can't be read proves
// nothing. Errors: Kafka or the store can't be reached.
func (s Sources) look(ctx context.Context, identity eventstore.Identity, knownEnds int64) (e evidence, err error) {
	// Before Kafka is asked: what is published meanwhile does not make the store look behind.
	if e.position, err = s.Published(ctx); err != nil {
		return e, err
	}
	tail, err := s.Kafka.Tail(ctx, tailCount, knownEnds)
	if err != nil {
		return e, err
	}
	e.ends = tail.Ends
	if e.mark, err = s.Marks.ReadMark(ctx); err != nil {
		e.unproven = fmt.Sprintf("the mark at Temporal can't be read: %v", err)
	}
	var ours []domain.Envelope
	for _, p := range tail.Events {
		if !counts(identity, p.Origin.Store, p.Origin.Epoch) {
			continue
		}
		ours = append(ours, p.Event)
		e.known.Epoch, e.known.Sequence = max(e.known.Epoch, p.Origin.Epoch), max(e.known.Sequence, p.Event.Sequence)
	}
	e.known = e.mark.atLeast(identity, e.known)
	lacks, err := s.Store.Lacks(ctx, ours)
	if err != nil {
		return e, err
	}
	last, err := s.Store.LastSequence(ctx)
	if err != nil {
		return e, err
	}
	e.behind = behind(identity, e.known, last)
	if len(lacks) > 0 {
		lost := ours[lacks[0].Index]
		e.behind = fmt.Sprintf("Kafka has %d of the last published events that the store does not have, such as version %d of %s %s",
			len(lacks), lost.Version, lost.AggregateType, lost.AggregateID)
	}
	if e.unproven == "" && e.known.Sequence < e.position {
		e.unproven = fmt.Sprintf("the store has published up to %d, and what Kafka and Temporal still know ends with %d", e.position, e.known.Sequence)
	}
	return e, nil
}
