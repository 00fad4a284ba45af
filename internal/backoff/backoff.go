// Package backoff waits after failures, longer each time, without outstaying a context.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// First and Max are the shortest and the longest wait after a failure.
const (
	First = 20 * time.Millisecond
	Max   = 5 * time.Second
)

// Backoff doubles its wait from the first to the longest. It takes up to a quarter off at random, so that many
// processes don't come back at the same moment. It is for one goroutine.
type Backoff struct{ first, longest, next time.Duration }

// New returns a backoff that waits from [First] to [Max].
func New() *Backoff { return Between(First, Max) }

// Between returns a backoff whose waits double from first to longest.
func Between(first, longest time.Duration) *Backoff {
	return &Backoff{first: first, longest: longest, next: first}
}

// Next returns the most that the next wait takes, for messages.
func (b *Backoff) Next() time.Duration { return b.next }

// Wait waits, or returns ctx's error when ctx ends before.
func (b *Backoff) Wait(ctx context.Context) error {
	d := b.next - time.Duration(rand.Int64N(int64(b.next)/4+1))
	b.next = min(2*b.next, b.longest)
	return Pause(ctx, d)
}

// Reset makes the next wait the first one again.
func (b *Backoff) Reset() { b.next = b.first }

// Gather returns how long after the begin of a page or a batch the next may begin. It is five times as long as it took,
// within bounds. What comes meanwhile is gathered, because a page costs nearly the same however much is in it. So small
// pages take no more than a fifth of a processor. They come quickly while there is little to do, and grow on a busy
// machine, where each takes longer.
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
