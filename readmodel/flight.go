package readmodel

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
)

// flights load an order once for all who ask for it at the same moment. Whoever comes first loads it, in the goroutine
// that asks: one of its own would cost more than all else in our process. It is safe for concurrent use.
type flights struct {
	mu sync.Mutex
	by map[uuid.UUID]*flight
	// waiting counts those who load or wait.
	waiting atomic.Int64
}

// flight is one loading, which others may wait for. Done is nil until somebody does.
type flight struct {
	done chan struct{}
	// These are set before done is closed.
	shown Shown
	err   error
	// left tells that whoever loaded has left before the end.
	left bool
}

// do returns what load returns, or what it returns to another one meanwhile. A load that ends because its own caller
// has left is begun anew by one of the others.
func (f *flights) do(ctx context.Context, id uuid.UUID, load func() (Shown, error)) (Shown, error) {
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	for {
		f.mu.Lock()
		other := f.by[id]
		if other == nil {
			return f.lead(ctx, id, load)
		}
		if other.done == nil {
			other.done = make(chan struct{})
		}
		f.mu.Unlock()
		select {
		case <-other.done:
			if !other.left {
				return other.shown, other.err
			}
		case <-ctx.Done():
			return Shown{}, ctx.Err()
		}
	}
}

// lead loads an order for all who come until it is there. It is called with the lock held.
func (f *flights) lead(ctx context.Context, id uuid.UUID, load func() (Shown, error)) (shown Shown, err error) {
	if f.by == nil {
		f.by = map[uuid.UUID]*flight{}
	}
	own := &flight{left: true} // unless it comes to its end, also by a panic
	f.by[id] = own
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.by, id)
		if own.done != nil {
			close(own.done)
		}
	}()
	shown, err = load()
	own.shown, own.err, own.left = shown, err, err != nil && ctx.Err() != nil
	return shown, err
}
