package httpx

import (
	"context"
	"runtime"
	"sync"
)

const (
	// readsEach is how many reads of one caller are worked on at once for each processor. Most of the time of each is a
	// wait for the database.
	readsEach = 2
	// turnsFactor is how many callers may have as much as one may.
	turnsFactor = 4
)

// turns let requests work that keep a processor or the database busy. Each caller has some at once, and the others of
// it wait. Callers take turns: whoever has many requests delays its own, and nobody else's for longer than one takes.
// It is safe for concurrent use.
type turns struct {
	each int

	mu   sync.Mutex
	free int
	by   map[string]*queue
	// waiting are the queues from which one may go on once there is a free turn, the next one first.
	waiting []*queue
	spare   *queue // of a caller that was forgotten
}

// queue is the requests of one caller.
type queue struct {
	caller string
	held   int
	// heads are closed when their request may go on; the oldest first.
	heads []*ticket
	// listed is true while the queue is among the waiting.
	listed bool
}

// ticket is a request that waits.
type ticket struct {
	ready chan struct{}
	gone  bool // it waits no longer
}

// newTurns returns turns, of which a caller has so many at once.
func newTurns(each int) *turns {
	return &turns{each: each, free: turnsFactor * each, by: map[string]*queue{}}
}

// newReads returns the turns of what asks the database.
func newReads() *turns { return newTurns(readsEach * runtime.GOMAXPROCS(0)) }

// newDecodes returns the turns of what keeps a processor busy: a caller has half of the processors.
func newDecodes() *turns { return newTurns(max(runtime.GOMAXPROCS(0)/2, 1)) }

// take waits for a turn of a caller, who gives it back with [turns.give]. Error: that of ctx.
func (t *turns) take(ctx context.Context, caller string) error {
	t.mu.Lock()
	q := t.by[caller]
	if q == nil {
		if q, t.spare = t.spare, nil; q == nil {
			q = &queue{}
		}
		q.caller, t.by[caller] = caller, q
	}
	if q.held < t.each && t.free > 0 { // nobody waits who could have it
		q.held, t.free = q.held+1, t.free-1
		t.mu.Unlock()
		return nil
	}
	k := &ticket{ready: make(chan struct{})}
	q.heads = append(q.heads, k)
	t.list(q)
	t.mu.Unlock()
	select {
	case <-k.ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-k.ready: // just now: it goes to the next one
		t.giveLocked(caller)
	default:
		k.gone = true
	}
	return ctx.Err()
}

// give gives a turn back.
func (t *turns) give(caller string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveLocked(caller)
}

func (t *turns) giveLocked(caller string) {
	q := t.by[caller]
	q.held, t.free = q.held-1, t.free+1
	t.list(q)
	for t.free > 0 && len(t.waiting) > 0 {
		next := t.waiting[0]
		t.waiting, next.listed = t.waiting[1:], false
		t.admit(next)
		t.list(next)
		t.forget(next)
	}
	t.forget(q)
}

// forget forgets a caller of whom nothing works or waits.
func (t *turns) forget(q *queue) {
	if q.held == 0 && len(q.heads) == 0 {
		delete(t.by, q.caller)
		t.spare = q
	}
}

// list puts a queue at the end of those that wait, when one of it may go on.
func (t *turns) list(q *queue) {
	if !q.listed && len(q.heads) > 0 && q.held < t.each {
		q.listed, t.waiting = true, append(t.waiting, q)
	}
}

// admit lets the first of a queue go on that still waits.
func (t *turns) admit(q *queue) {
	for len(q.heads) > 0 {
		k := q.heads[0]
		q.heads = q.heads[1:]
		if !k.gone {
			q.held, t.free = q.held+1, t.free-1
			close(k.ready)
			return
		}
	}
}
