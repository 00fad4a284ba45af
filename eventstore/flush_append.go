package eventstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
)

// append stores the groups, or says in each why that failed.
func (f *flusher) append(groups []*group, callers []*request) {
	if len(groups) == 0 {
		return
	}
	start := time.Now()
	f.appendApart(groups, callers)
	f.metrics.appended(groups, time.Since(start))
	f.wake.wake(groups)
}

// appendUntilKnown sends the groups. When the connection broke, it can't tell whether they were stored. It then sends
// the same again: by the ids the store tells what it has already.
func (f *flusher) appendUntilKnown(groups []*group, callers []*request) error {
	sent := false
	err := f.persist(callers, func() error {
		sent = true
		return f.engine.append(f.base, groups)
	})
	if err != nil && sent && f.engine.retryable(err) {
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

// persist runs what needs the engine, again and again while the engine can't be reached and one of the
// callers still waits.
func (f *flusher) persist(callers []*request, do func() error) error {
	wait := backoff.Between(retryPauseMin, retryPauseMax)
	for {
		err := f.engine.ready(f.base)
		if err == nil {
			err = do()
		}
		if err == nil || !f.engine.retryable(err) || f.base.Err() != nil || !waitedFor(callers) {
			return err
		}
		f.metrics.retries.Inc()
		if f.complaint.Due(err) {
			f.logger.Warn("the event store was interrupted and tries again", "error", err)
		}
		_ = wait.Wait(f.base) // the loop looks whether base has ended
	}
}

// appendApart stores the groups together. When the database refuses all of them because of one, it sends them in
// halves, until that one fails alone. That happens only by an error of the program. Either an event id is used already,
// or a fault was not found before the append was queued.
func (f *flusher) appendApart(groups []*group, callers []*request) {
	err := f.appendUntilKnown(groups, callers)
	if err != nil && len(groups) > 1 && !f.engine.retryable(err) && !errors.Is(err, ErrUnconfirmed) && f.base.Err() == nil {
		f.logger.Error("appends were refused as a whole and are sent apart", "error", err, "groups", len(groups))
		half := len(groups) / 2
		f.appendApart(groups[:half], callers)
		f.appendApart(groups[half:], callers)
		return
	}
	if used := (*usedIDError)(nil); errors.As(err, &used) && len(groups) == 1 {
		groups[0].refuseUsed(used.id)
		return
	}
	for _, g := range groups {
		g.err = err
	}
}

// waitedFor reports whether one of the callers has not given up.
func waitedFor(callers []*request) bool {
	for _, r := range callers {
		if r.ctx.Err() == nil {
			return true
		}
	}
	return false
}
