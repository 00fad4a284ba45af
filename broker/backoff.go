package broker

import (
	"context"
	"math/rand/v2"
	"time"
)

// Limits of waiting after a failure.
const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 5 * time.Second
)

// backoff doubles its wait from backoffMin to backoffMax, with up to a quarter taken off at random so
// that many processes don't come back at the same moment.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: backoffMin} }

func (b *backoff) wait(ctx context.Context) error {
	d := b.next - time.Duration(rand.Int64N(int64(b.next)/4+1))
	b.next = min(2*b.next, backoffMax)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *backoff) reset() { b.next = backoffMin }
