package httpx

import (
	"context"
	"sync"
	"time"
)

// withTimeout is [context.WithTimeout] without a timer for those who never wait for the end of the context. Most reads
// don't, and the timer would be a tenth of what they cost.
func withTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c := &lazyTimeout{Context: parent, deadline: time.Now().Add(d)}
	return c, c.cancel
}

// lazyTimeout is a context that ends at a deadline, at the end of its parent, or when it is cancelled.
type lazyTimeout struct {
	context.Context
	deadline time.Time

	mu sync.Mutex
	// armed has the timer; nil until somebody waits, and stop ends it.
	armed     context.Context
	stop      context.CancelFunc
	cancelled bool
}

// Deadline implements [context.Context].
func (c *lazyTimeout) Deadline() (time.Time, bool) {
	if d, ok := c.Context.Deadline(); ok && d.Before(c.deadline) {
		return d, true
	}
	return c.deadline, true
}

// Done implements [context.Context].
func (c *lazyTimeout) Done() <-chan struct{} { return c.arm().Done() }

// Err implements [context.Context].
func (c *lazyTimeout) Err() error {
	c.mu.Lock()
	armed, cancelled := c.armed, c.cancelled
	c.mu.Unlock()
	switch {
	case armed != nil:
		return armed.Err()
	case cancelled:
		return context.Canceled
	case c.Context.Err() != nil:
		return c.Context.Err()
	case !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements [context.Context]. Once it has a timer, contexts that are made of this one find that.
func (c *lazyTimeout) Value(key any) any {
	c.mu.Lock()
	armed := c.armed
	c.mu.Unlock()
	if armed != nil {
		return armed.Value(key)
	}
	return c.Context.Value(key)
}

func (c *lazyTimeout) arm() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed == nil {
		c.armed, c.stop = context.WithDeadline(c.Context, c.deadline)
		if c.cancelled {
			c.stop()
		}
	}
	return c.armed
}

func (c *lazyTimeout) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelled = true; c.stop != nil {
		c.stop()
	}
}
