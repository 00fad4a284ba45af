package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/internal/advisory"
)

// Defaults of a relay.
const (
	// restAfter is how long nothing has come before the leader rests: it no longer asks for events, but is told.
	restAfter = time.Second
	// restBeat is how often a leader at rest looks whether it still leads. It asks for events then as well.
	restBeat = time.Second
)

// beatInterval is how often the leader looks whether it still leads.
func (t *term) beatInterval() time.Duration {
	if t.rests {
		return t.restBeat
	}
	return electionInterval
}

// awaitEvents waits until it is time to ask for events. Nothing was found by the last look, or all that there was. A
// leader begins to rest after restAfter, and then asks once more at once: an append may have ended before the rest
// began.
func (t *term) awaitEvents(ctx context.Context, wake <-chan struct{}, lastEvents time.Time) error {
	if t.rests {
		return t.awaitAppend(ctx, wake)
	}
	if time.Since(lastEvents) > t.restAfter {
		ask, cancel := context.WithTimeout(ctx, electionTimeout)
		defer cancel()
		var err error
		if t.rests, err = advisory.TryRest(ask, t.conn); err != nil {
			return err
		}
		if t.rests {
			return nil
		}
	}
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// awaitAppend waits for an append of this process or of another, for restBeat at most.
func (t *term) awaitAppend(ctx context.Context, wake <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, t.restBeat)
	defer cancel()
	told := make(chan struct{})
	go func() {
		defer close(told)
		_, _ = t.conn.Conn().WaitForNotification(ctx) // it ends with ctx, an append, or the connection
	}()
	select {
	case <-wake:
		cancel()
		<-told
	case <-told:
	}
	if t.conn.Conn().IsClosed() {
		return fmt.Errorf("rest: %w", errConnectionLost)
	}
	return nil
}

// goOn ends the rest, if there is one.
func (t *term) goOn(ctx context.Context) {
	if t.rests {
		t.rests = false
		advisory.EndRest(ctx, t.conn)
	}
}
