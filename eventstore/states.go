package eventstore

import (
	"container/list"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
)

// contendedRounds is for how many decisions in a row, after a conflict, a stream's row is held while deciding. As
// long as other processes append to it, being optimistic loses more than it saves.
const contendedRounds = 20

// entry is a stream in memory. Its state is made when it is first asked for.
type entry struct {
	stream   StreamID
	version  int64 // of what state and unfolded hold, without pending
	sequence int64 // of the last event, as far as known
	loaded   bool
	err      error // why the stream can't be used

	state    any            // *S
	unfolded []domain.Event // to be folded into state
	pending  []domain.Event // recorded in this round, not stored yet; state or unfolded hold them too

	snapshotVersion int64 // of the newest snapshot, as far as known
	snapshotAt      time.Time
	contended       int    // rounds for which others are expected to append as well
	verified        uint64 // the round in which version was known to be the present one

	decision *decision // of this round
	place    int       // in the decision's group, -1 when nothing was recorded
	element  *list.Element
}

// reset forgets what is known of the stream.
func (e *entry) reset() {
	*e = entry{stream: e.stream, element: e.element, contended: e.contended, snapshotAt: e.snapshotAt}
}

// take adds what was loaded. It returns false when the snapshot in it can't be read; the entry is empty
// then.
func (e *entry) take(h history, c *catalog.Catalog, a Snapshottable) bool {
	fresh := len(h.events) > 0 || h.snapshot != nil
	e.loaded, e.err = true, nil
	if h.snapshot != nil {
		state, err := a.restore(h.snapshot.state)
		if err != nil {
			e.reset()
			return false
		}
		e.state, e.unfolded = state, nil
		e.version, e.sequence, e.snapshotVersion = h.snapshot.version, h.snapshot.sequence, h.snapshot.version
	}
	for _, env := range h.events {
		event, err := c.Decode(env)
		if err != nil {
			e.err, e.loaded = err, false
			return true
		}
		if env.Version != e.version+1 {
			e.err, e.loaded = fmt.Errorf("stream %s has version %d after %d", e.stream, env.Version, e.version), false
			return true
		}
		e.unfolded = append(e.unfolded, event)
		e.version, e.sequence = env.Version, env.Sequence
	}
	switch {
	case !fresh && e.contended > 0:
		e.contended--
	case fresh && e.contended > 0:
		e.contended = contendedRounds
	}
	return true
}

// foldInto brings the state up to date.
func foldInto[S any](e *entry, a Aggregate[S]) *S {
	if e.state == nil {
		e.state = new(S)
	}
	state := e.state.(*S)
	for _, event := range e.unfolded {
		*state = a.Evolve(*state, event)
	}
	e.unfolded = nil
	return state
}

// states is a cache of entries, the longest unused dropped first.
type states struct {
	max     int
	entries map[StreamID]*entry
	order   *list.List // of *entry, the last used first
}

func newStates(most int) *states {
	return &states{max: most, entries: make(map[StreamID]*entry), order: list.New()}
}

// get returns the stream's entry, an empty one if there is none.
func (s *states) get(id StreamID) *entry {
	if e, ok := s.entries[id]; ok {
		s.order.MoveToFront(e.element)
		return e
	}
	e := &entry{stream: id}
	e.element = s.order.PushFront(e)
	s.entries[id] = e
	return e
}

func (s *states) peek(id StreamID) *entry { return s.entries[id] }

func (s *states) drop(entries []*entry) {
	for _, e := range entries {
		if s.entries[e.stream] == e {
			s.order.Remove(e.element)
			delete(s.entries, e.stream)
		}
	}
}

// trim drops what is too much. Entries in use are not dropped under their users, because this is called
// between rounds.
func (s *states) trim() {
	for s.order.Len() > s.max {
		e := s.order.Back().Value.(*entry)
		s.drop([]*entry{e})
	}
}
