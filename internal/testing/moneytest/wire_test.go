package moneytest_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/orderloom/orderloom/payments/stripe/stripefake"
)

// wire carries the calls of one execution to the gateway. Calls and answers get lost on it, processes die around them,
// and other things happen between a call and its record.
type wire struct {
	l *life
	x *execution
}

var errBroken = errors.New("the connection breaks")

// fate is what becomes of a call or a step.
type fate int

const (
	spared fate = iota
	lostBefore
	lostAfter
	diesBefore
	diesAfter
	takenBefore
	takenAfter
	failsKept
	failsAfterEffect
	tooMany
	interlude
	late
)

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	l := w.l
	l.syncClock()
	if l.isDown() {
		return nil, errBroken
	}
	fate := l.fateOfCall(r)
	call := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v1/")
	switch fate {
	case lostBefore:
		l.note("… %s is lost", call)
		return nil, errBroken
	case diesBefore, takenBefore:
		l.note("… the process dies before %s (execution taken away: %t)", call, fate == takenBefore)
		w.x.die(fate == takenBefore, r)
	case failsKept, failsAfterEffect:
		l.note("… Stripe fails at %s (took effect: %t)", call, fate == failsAfterEffect)
		l.stripe.Inject(stripefake.Fault{Method: r.Method, Path: r.URL.Path, Status: http.StatusInternalServerError, Kept: true, Effect: fate == failsAfterEffect})
	case tooMany:
		l.stripe.Inject(stripefake.Fault{Method: r.Method, Path: r.URL.Path, Status: http.StatusTooManyRequests})
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	holdBack(r)
	switch fate {
	case lostAfter:
		l.note("… the answer of %s is lost: %d", call, response.StatusCode)
		return nil, errBroken
	case diesAfter, takenAfter:
		l.note("… the process dies after %s: %d (execution taken away: %t)", call, response.StatusCode, fate == takenAfter)
		w.x.die(fate == takenAfter, r)
	case interlude:
		l.note("… before the answer of %s is recorded:", call)
		l.happenMeanwhile()
	}
	return response, nil
}

// isDown reports whether the gateway can't be reached, or refuses our key, for this call.
func (l *life) isDown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down > 0 {
		l.down--
		return true
	}
	l.stripe.Revoke(l.revoked > 0)
	l.revoked = max(l.revoked-1, 0)
	return false
}

// fateOfCall draws what becomes of a call.
func (l *life) fateOfCall(r *http.Request) fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.rand.IntN(1000)
	if !l.chaos {
		return spared
	}
	fates := []struct {
		fate  fate
		until int
	}{{lostBefore, 15}, {diesBefore, 25}, {takenBefore, 35}, {tooMany, 40}}
	if r.Method == http.MethodPost {
		fates = append(fates, []struct {
			fate  fate
			until int
		}{{lostAfter, 80}, {diesAfter, 110}, {takenAfter, 140}, {failsKept, 155}, {failsAfterEffect, 170}}...)
		if l.interludes > 0 && l.depth == 1 {
			fates = append(fates, struct {
				fate  fate
				until int
			}{interlude, 320})
		}
	}
	for _, f := range fates {
		if n < f.until {
			if f.fate == interlude {
				l.interludes--
			}
			return f.fate
		}
	}
	return spared
}

// fateOfStep draws what becomes of a step.
func (l *life) fateOfStep() fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.rand.IntN(1000)
	switch {
	case !l.chaos || n >= 90:
		return spared
	case n < 10:
		return takenBefore
	case n < 30:
		return takenAfter
	case n < 60:
		return lostAfter
	case n < 70:
		return lostBefore
	}
	return late
}
