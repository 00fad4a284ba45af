package eventstore

import (
	"slices"
	"sync"

	"github.com/google/uuid"
)

// waker tells listeners that something was committed. A listener that is busy misses nothing: the wake
// waits in its channel, and several become one.
type waker struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
	watches   map[uuid.UUID][]*watch
}

// watch is a listener to a few streams only, past the versions that it knows of.
type watch struct {
	past map[uuid.UUID]int64
	wake chan struct{}
}

func (w *waker) listen() (wake <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners == nil {
		w.listeners = make(map[chan struct{}]struct{})
	}
	w.listeners[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.listeners, c)
	}
}

func (w *waker) watch(past map[uuid.UUID]int64) (wake <-chan struct{}, stop func()) {
	one := &watch{past: past, wake: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watches == nil {
		w.watches = make(map[uuid.UUID][]*watch)
	}
	for id := range past {
		w.watches[id] = append(w.watches[id], one)
	}
	return one.wake, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for id := range past {
			rest := slices.DeleteFunc(w.watches[id], func(o *watch) bool { return o == one })
			if w.watches[id] = rest; len(rest) == 0 {
				delete(w.watches, id)
			}
		}
	}
}

// wake tells of a flush: those who listen to everything, and those who watch one of its streams.
func (w *waker) wake(flushed []*group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.listeners {
		signal(c)
	}
	if len(w.watches) == 0 {
		return
	}
	for _, g := range flushed {
		if g.err != nil || !g.stored() {
			continue
		}
		for i := range g.streams {
			s := &g.streams[i]
			for _, one := range w.watches[s.id.ID] {
				if s.version > one.past[s.id.ID] {
					signal(one.wake)
				}
			}
		}
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
