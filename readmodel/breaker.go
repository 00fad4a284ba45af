package readmodel

import (
	"sync"
	"time"
)

// Limits of the breaker.
const (
	breakerFailures = 3
	breakerRestMin  = time.Second
	breakerRestMax  = 30 * time.Second
)

// breaker keeps callers away from something that fails. After breakerFailures in a row nobody is let through for a
// while, and then one at a time until one succeeds.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int
	rest     time.Duration
	until    time.Time
}

func newBreaker(now func() time.Time) *breaker { return &breaker{now: now, rest: breakerRestMin} }

// allow reports whether to try. Whoever is allowed reports the outcome with done.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakerFailures {
		return true
	}
	if b.now().Before(b.until) {
		return false
	}
	b.until = b.now().Add(b.rest) // one probe; the others go on resting
	return true
}

func (b *breaker) done(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.failures, b.rest = 0, breakerRestMin
		return
	}
	if b.failures++; b.failures >= breakerFailures {
		b.until = b.now().Add(b.rest)
		b.rest = min(2*b.rest, breakerRestMax)
	}
}
