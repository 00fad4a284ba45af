package eventstore

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// request is what one caller wants of the flusher: an append or a decision.
type request struct {
	ctx     context.Context
	group   *group
	command *command
	streams []StreamID
	reads   []StreamID // of a command: what it only looks at
	events  int        // what it weighs
	bytes   int
	queued  time.Time

	stage  stage // guarded by the flusher's mutex
	passed bool  // an append that was left in the queue because a rival went first; same guard

	done chan struct{}
	err  error // set before done is closed
}

type stage int8

const (
	stageQueued    stage = iota
	stageTaken           // the flusher works on it
	stageAbandoned       // the caller left before it was taken
)

func (r *request) answer(err error) {
	r.err = err
	close(r.done)
}

// next removes from the queue what the next flush carries, in order. Decisions of one repository may
// share a stream, since they build on each other. An append whose stream is taken stays, and all that
// want one of its streams stay behind it.
func (f *flusher) next() []*request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var taken []*request
	owners := make(map[uuid.UUID]any)
	events, bytes := 0, 0
	rest := f.queue[:0]
	full := false
	for _, r := range f.queue {
		if r.stage != stageQueued {
			continue
		}
		if !full && len(taken) > 0 && (events+r.events > flushEventsMax || bytes+r.bytes > flushBytesMax) {
			full = true
		}
		if full || !r.claim(owners) {
			rest = append(rest, r)
			continue
		}
		r.stage = stageTaken
		events, bytes = events+r.events, bytes+r.bytes
		taken = append(taken, r)
	}
	clear(f.queue[len(rest):])
	f.queue = rest
	f.metrics.queueDepth.Set(float64(len(rest)))
	for _, r := range taken {
		f.gate.leave(r.events, r.bytes)
	}
	return taken
}

// claim reserves the request's streams, or blocks them for those behind it when one is taken.
func (r *request) claim(owners map[uuid.UUID]any) bool {
	var owner any = r
	if r.command != nil {
		owner = r.command.repository
	}
	free := true
	for _, s := range r.streams {
		if o, taken := owners[s.ID]; taken && o != owner {
			free = false
		}
	}
	if !free {
		owner, r.passed = blocked{}, true
	}
	for _, s := range r.streams {
		if _, taken := owners[s.ID]; !taken || !free {
			owners[s.ID] = owner
		}
	}
	return free
}

// blocked owns the streams of a request that has to wait for the next flush.
type blocked struct{}

// refuseRivals answers appends that waited for this flush and that it has made impossible: they expect a
// version at which another event now stands. The database need not tell them. One that carries the very
// same event is a retry, which only the database can judge.
func (f *flusher) refuseRivals(groups []*group) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.rivals() {
		return
	}
	type event struct {
		stream  uuid.UUID
		version int64
	}
	there := make(map[event]uuid.UUID)
	last := make(map[uuid.UUID]int64)
	for _, g := range groups {
		if g.err != nil || !g.stored() {
			continue
		}
		for _, e := range g.events {
			s := g.streams[e.stream]
			there[event{s.id.ID, s.version - int64(s.count) + int64(e.ordinal)}] = e.ID
			last[s.id.ID] = max(last[s.id.ID], s.version)
		}
	}
	queue := f.queue[:0]
	for _, r := range f.queue {
		conflict := (*ConcurrencyConflict)(nil)
		if r.passed && r.group != nil && r.stage == stageQueued {
			for _, e := range r.group.events {
				s := r.group.streams[e.stream]
				id, stands := there[event{s.id.ID, s.expected + int64(e.ordinal)}]
				if e.ordinal == firstOrdinal && s.expected >= 0 && stands && id != e.ID {
					conflict = &ConcurrencyConflict{Stream: s.id, Expected: s.expected, Actual: last[s.id.ID]}
				}
			}
		}
		if conflict == nil {
			queue = append(queue, r)
			continue
		}
		r.stage = stageTaken
		f.gate.leave(r.events, r.bytes)
		f.metrics.conflicts.Inc()
		r.answer(conflict)
	}
	clear(f.queue[len(queue):])
	f.queue = queue
}

func (f *flusher) rivals() bool {
	for _, r := range f.queue {
		if r.passed {
			return true
		}
	}
	return false
}
