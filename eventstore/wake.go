package eventstore

import "sync"

// waker tells listeners that something was committed. A listener that is busy misses nothing: the wake
// waits in its channel, and several become one.
type waker struct {
	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
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

func (w *waker) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
