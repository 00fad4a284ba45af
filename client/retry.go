package client

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// Retry says when a request is sent again. That happens when no answer arrived, and for a status that passes. A request
// that changes something is repeated under its Idempotency-Key only, so it takes effect once.
//
// The client waits at least as long as Retry-After says. It gives up when the context ends before the next attempt, and
// when Retry-After says more than AfterMax: the [Problem] has it then.
type Retry struct {
	// AttemptsMax is how often a request is sent in all; 0 is 4, 1 repeats nothing, a negative number has no limit.
	AttemptsMax int
	// Wait is the longest wait before the second attempt; it doubles up to WaitMax. 0 is 100 ms and 5 s. The actual
	// wait is random, from half of that.
	Wait, WaitMax time.Duration
	// AfterMax is the longest Retry-After that is waited for; 0 is a minute.
	AfterMax time.Duration
	// On reports whether a status passes; nil is [Passing].
	On func(status int) bool
}

// Passing reports whether a request with this status may succeed later, unchanged.
func Passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

const (
	attemptsDefault = 4
	waitDefault     = 100 * time.Millisecond
	waitMaxDefault  = 5 * time.Second
	afterMaxDefault = time.Minute
)

func (r Retry) withDefaults() Retry {
	if r.AttemptsMax == 0 {
		r.AttemptsMax = attemptsDefault
	}
	if r.Wait <= 0 {
		r.Wait = waitDefault
	}
	if r.WaitMax <= 0 {
		r.WaitMax = waitMaxDefault
	}
	if r.AfterMax <= 0 {
		r.AfterMax = afterMaxDefault
	}
	if r.On == nil {
		r.On = Passing
	}
	return r
}

// next returns how long to wait before the attempt after this one, and whether there is one.
func (r Retry) next(attempt int, err error) (wait time.Duration, again bool) {
	if r.AttemptsMax > 0 && attempt >= r.AttemptsMax {
		return 0, false
	}
	wait = r.WaitMax
	if doublings := attempt - 1; doublings < 32 && r.Wait<<doublings > 0 {
		wait = min(r.Wait<<doublings, r.WaitMax)
	}
	wait -= rand.N(wait/2 + 1)
	var problem *Problem
	var lost *lostError
	switch {
	case errors.As(err, &problem):
		return max(wait, problem.RetryAfter), problem.RetryAfter <= r.AfterMax && r.On(problem.Status)
	case errors.As(err, &lost):
		return wait, true
	}
	return 0, false
}
