// Package backoff waits after failures, longer each time, without outstaying a context.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Max is the longest wait after a failure.
const Max = 5 * time.Second

// Backoff doubles its wait up to [Max]. Up to a quarter is taken off at random so that many processes don't come back
// at the same moment. It is for one goroutine.
type Backoff struct{ first, next time.Duration }

// New returns a backoff whose first wait is as long as first.
func New(first time.Duration) *Backoff { return &Backoff{first: first, next: first} }

// Wait waits, or returns ctx's error when ctx ends before.
func (b *Backoff) Wait(ctx context.Context) error {
	d := b.next - time.Duration(rand.Int64N(int64(b.next)/4+1))
	b.next = min(2*b.next, Max)
	return Pause(ctx, d)
}

// Reset makes the next wait the first one again.
func (b *Backoff) Reset() { b.next = b.first }

// Gather returns how long after its beginning a piece of work that took so long may begin again: five times as long,
// within bounds. What comes meanwhile is gathered, because a page or a batch costs nearly the same however much is in
// it. So no more than a fifth of a processor goes into small ones. They come quickly while there is little to do. On
// a busy machine, where each takes longer, they grow.
func Gather(took, least, most time.Duration) time.Duration {
	return min(max(5*took, least), most)
}

// Pause waits for d, or returns ctx's error when ctx ends before.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
