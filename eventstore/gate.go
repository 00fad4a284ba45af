package eventstore

import (
	"context"
	"slices"
	"sync"
)

// gate bounds what is queued, in events and in bytes. Who comes first gets in first, however much later
// ones would fit, so a large append is not overtaken for ever by small ones.
type gate struct {
	eventsMax, bytesMax int

	mu            sync.Mutex
	events, bytes int
	waiting       []*waiter
}

type waiter struct {
	events, bytes int
	in            chan struct{} // closed once it got in
}

// enter waits for room. What is larger than all the room there is gets in alone.
func (g *gate) enter(ctx context.Context, events, bytes int) error {
	g.mu.Lock()
	if len(g.waiting) == 0 && g.fits(events, bytes) {
		g.events, g.bytes = g.events+events, g.bytes+bytes
		g.mu.Unlock()
		return nil
	}
	w := &waiter{events: events, bytes: bytes, in: make(chan struct{})}
	g.waiting = append(g.waiting, w)
	g.mu.Unlock()
	select {
	case <-w.in:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, w); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	} else { // it got in at the same moment
		g.events, g.bytes = g.events-events, g.bytes-bytes
	}
	g.admit()
	return ctx.Err()
}

// retake takes room at once, for a request that comes back.
func (g *gate) retake(events, bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events, g.bytes = g.events+events, g.bytes+bytes
}

// leave gives the room back.
func (g *gate) leave(events, bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events, g.bytes = g.events-events, g.bytes-bytes
	g.admit()
}

func (g *gate) fits(events, bytes int) bool {
	return g.events == 0 || g.events+events <= g.eventsMax && g.bytes+bytes <= g.bytesMax
}

func (g *gate) admit() {
	for len(g.waiting) > 0 && g.fits(g.waiting[0].events, g.waiting[0].bytes) {
		w := g.waiting[0]
		g.waiting = g.waiting[1:]
		g.events, g.bytes = g.events+w.events, g.bytes+w.bytes
		close(w.in)
	}
}
