package recovery

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/orderloom/orderloom/eventstore"
)

// Verification is what comparing the store with all that others know of it has shown.
type Verification struct {
	// Identity is the store as it is now, after it was doubted.
	Identity eventstore.Identity
	// Known is how far others have seen it, and Last the sequence of its last event.
	Known eventstore.Known
	Last  int64
	// Events counts those of this store that Kafka has. Losses are the streams of which the store lacks some.
	Events int64
	Losses []Loss
	// Behind says what others know and the store does not; empty when there is nothing.
	Behind string
	// MarkUnread says why the mark at Temporal could not be read; empty when it was, or was left out.
	MarkUnread string
}

// OK reports whether the store is confirmed and nobody knows more than it does.
func (v Verification) OK() bool { return v.Behind == "" && v.Identity.Confirmed }

// Verify compares the store with every event that Kafka has and with the mark. When they know more, it doubts the
// store's epoch as a [Guard] does: nothing is appended until a [Recovery] confirms it. Kafka or Marks may be nil, and
// are left out then. Progress may be nil. It may be repeated.
func (s Sources) Verify(ctx context.Context, progress func(read, all int64)) (v Verification, err error) {
	if v.Identity, err = s.Store.Identity(ctx); err != nil {
		return v, err
	}
	found := newScan(s.Store, v.Identity, nil)
	if s.Kafka != nil {
		if err := found.run(ctx, s.Kafka, progress); err != nil {
			return v, err
		}
	}
	v.Known, v.Events = found.known, found.events
	if s.Marks != nil {
		m, err := s.Marks.ReadMark(ctx)
		if err != nil {
			v.MarkUnread = err.Error()
		}
		v.Known = m.atLeast(v.Identity, v.Known)
	}
	v.Losses = found.lossesSorted()
	// After Kafka and the mark: what came meanwhile does not make the store look behind.
	before := v.Identity
	if v.Identity, err = s.Store.Identity(ctx); err != nil {
		return v, err
	}
	if v.Last, err = s.Store.LastSequence(ctx); err != nil {
		return v, err
	}
	v.Behind = found.behind(v.Identity, v.Known, v.Last)
	if v.Behind == "" || !v.Identity.Confirmed || before != v.Identity {
		return v, nil
	}
	v.Identity, err = s.Store.Doubt(ctx, v.Identity, v.Behind)
	return v, err
}

// lossesSorted returns the streams of which the store lacks something.
func (s *scan) lossesSorted() []Loss {
	losses := make([]Loss, 0, len(s.losses))
	for _, l := range s.losses {
		losses = append(losses, *l)
	}
	slices.SortFunc(losses, func(a, b Loss) int { return cmp.Compare(a.Stream.String(), b.Stream.String()) })
	return losses
}

// behind is the function of this name with what the scan has found.
func (s *scan) behind(identity eventstore.Identity, known eventstore.Known, last int64) string {
	if losses := s.lossesSorted(); len(losses) > 0 {
		return fmt.Sprintf("Kafka has events of %d streams that the store does not have, such as: %s", len(losses), losses[0])
	}
	return behind(identity, known, last)
}

// behind says what others know and the store does not, empty for nothing.
func behind(identity eventstore.Identity, known eventstore.Known, last int64) string {
	switch {
	case known.Sequence > last:
		return fmt.Sprintf("event %d is known, and the store ends with %d", known.Sequence, last)
	case known.Epoch > identity.Epoch:
		return fmt.Sprintf("epoch %d is known, and the store is in epoch %d", known.Epoch, identity.Epoch)
	}
	return ""
}

// atLeast returns what is known with a mark of the same store.
func (m Mark) atLeast(identity eventstore.Identity, known eventstore.Known) eventstore.Known {
	if !counts(identity, m.Store, m.Epoch) {
		return known
	}
	return eventstore.Known{Epoch: max(known.Epoch, m.Epoch), Sequence: max(known.Sequence, m.Sequence)}
}
