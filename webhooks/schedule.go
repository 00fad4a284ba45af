package webhooks

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Times of deliveries.
const (
	// RequestTimeout is how long a receiver may take to answer.
	RequestTimeout = 15 * time.Second
	// TriedFor is how long an event is tried while the endpoint takes others.
	TriedFor = 72 * time.Hour
	// WarnedAfter is how long an endpoint may take nothing before its owner is told, and DisabledAfter before it is
	// disabled.
	WarnedAfter   = 72 * time.Hour
	DisabledAfter = 120 * time.Hour
	// RetryAfterMax bounds how long a receiver may ask not to be called.
	RetryAfterMax = time.Hour
)

// pauses are those before each further attempt of an event: those of the specification, three days in all.
var pauses = []time.Duration{
	5 * time.Second, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	20 * time.Hour,
}

// rests are how long an endpoint that does not answer is left alone, each time longer.
var rests = []time.Duration{
	30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour,
}

// step returns the n-th of a list, counted from 1, or its last one. It is up to a fifth shorter or longer by chance, so
// that what has failed together does not come back together.
func step(list []time.Duration, n int) time.Duration {
	d := list[min(max(n, 1), len(list))-1]
	return d - d/5 + rand.N(2*d/5+1)
}

// retryAfter reads how long a receiver asks not to be called (RFC 9110, section 10.2.3), within [RetryAfterMax]; 0 for
// one that does not ask.
func retryAfter(answer *http.Response, now time.Time) time.Duration {
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := strings.TrimSpace(answer.Header.Get("Retry-After"))
	var wait time.Duration
	seconds, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err == nil && seconds < uint64(RetryAfterMax/time.Second):
		wait = time.Duration(seconds) * time.Second
	case err == nil, errors.Is(err, strconv.ErrRange): // however long a number it is
		wait = RetryAfterMax
	default:
		if at, err := http.ParseTime(text); err == nil {
			wait = at.Sub(now)
		}
	}
	return min(max(wait, 0), RetryAfterMax)
}
