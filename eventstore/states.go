package eventstore

import (
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
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
}

// reset forgets what is known of the stream.
func (e *entry) reset() {
	*e = entry{stream: e.stream, contended: e.contended, snapshotAt: e.snapshotAt}
}

// adoptHistory adds what was loaded. It returns false when the snapshot in it can't be read; the entry is empty
// then.
func (e *entry) adoptHistory(h history, c *catalog.Catalog, a Snapshottable) bool {
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

// states is a cache of entries, the longest unused dropped first. It is for one goroutine, the flusher's.
type states struct {
	max     int
	entries *simplelru.LRU[StreamID, *entry]
}

// newStates returns a cache that [states.trim] cuts to max entries. The LRU itself has no limit: it must not drop an
// entry while a round works on it.
func newStates(most int) *states {
	entries, err := simplelru.NewLRU[StreamID, *entry](math.MaxInt, nil)
	if err != nil {
		panic(err) // only of a size below 1
	}
	return &states{max: most, entries: entries}
}

// get returns the stream's entry, an empty one if there is none.
func (s *states) get(id StreamID) *entry {
	if e, ok := s.entries.Get(id); ok {
		return e
	}
	e := &entry{stream: id}
	s.entries.Add(id, e)
	return e
}

// peek returns the stream's entry, nil if there is none, without counting that as use.
func (s *states) peek(id StreamID) *entry {
	e, _ := s.entries.Peek(id)
	return e
}

// drop forgets entries, except those that others have replaced.
func (s *states) drop(entries []*entry) {
	for _, e := range entries {
		if s.peek(e.stream) == e {
			s.entries.Remove(e.stream)
		}
	}
}

// trim drops what is too much. It is called between rounds, when nobody works on an entry.
func (s *states) trim() {
	for s.entries.Len() > s.max {
		s.entries.RemoveOldest()
	}
}
