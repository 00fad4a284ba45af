package orphans

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
)

// Report is what a look has found and done.
type Report struct {
	// Orphaned counts orders that need a saga and have none, Surplus those that have ended and still have one.
	Orphaned, Surplus int
	// Resumed counts those that got another saga, Failed those that could not be looked at or resumed.
	Resumed, Failed int
}

// ResumeAll starts another saga for each orphan, several at once. Told is called after each, one call at a time; nil is
// nobody. An order that fails is told with its error and does not hold up the others.
//
// It may be repeated. Errors: [ForeignNamespaceError]; what keeps it from looking further.
func (f *Finder) ResumeAll(ctx context.Context, told func(Report, Orphan, error)) (Report, error) {
	foreign, err := f.claim(ctx)
	if err != nil {
		return Report{}, err
	}
	if foreign != nil {
		return Report{}, foreign
	}
	return f.resumeAll(ctx, f.Find(ctx), true, func(uuid.UUID) bool { return true }, outcomes{told: told})
}

// Resume starts a saga for one order in any state. It may be repeated; started is false when one is open already.
// Error: [ForeignNamespaceError].
func (f *Finder) Resume(ctx context.Context, o order.Order) (started bool, err error) {
	foreign, err := f.claim(ctx)
	if err != nil {
		return false, err
	}
	if foreign != nil {
		return false, foreign
	}
	return f.resume(ctx, Orphan{Order: o})
}

// outcomes are told, one at a time, what became of orphans. Told hears of those that were tried. Took hears of all,
// also of those that are not resumed or not due.
type outcomes struct {
	told func(Report, Orphan, error)
	took func(o Orphan, started bool, err error)
}

// resumeAll resumes those of the orphans that are due.
func (f *Finder) resumeAll(
	ctx context.Context, found iter.Seq2[Orphan, error], resume bool, due func(uuid.UUID) bool, to outcomes,
) (Report, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := resuming{Finder: f, to: to, stop: stop}
	orders := make(chan Orphan)
	var workers sync.WaitGroup
	for range parallelMax {
		workers.Go(func() {
			for o := range orders {
				started, err := f.resume(ctx, o)
				r.done(ctx, o, started, err)
			}
		})
	}
	err := r.each(ctx, found, func(o Orphan) {
		if !resume || !due(o.Order.ID) {
			r.left(o)
			return
		}
		select {
		case orders <- o:
		case <-ctx.Done():
		}
	})
	close(orders)
	workers.Wait()
	return r.report, errors.Join(err, context.Cause(ctx))
}

// resuming is a look under way.
type resuming struct {
	*Finder
	to   outcomes
	stop context.CancelCauseFunc

	mu     sync.Mutex
	report Report
}

// each calls take for each orphan. It returns what kept the finder from looking further.
func (r *resuming) each(ctx context.Context, found iter.Seq2[Orphan, error], take func(Orphan)) error {
	var failed error
	for o, err := range found {
		switch {
		case ctx.Err() != nil:
			return failed
		case err != nil && o.Order.ID == uuid.Nil:
			failed = errors.Join(failed, err)
		case err != nil:
			r.count(o)
			r.done(ctx, o, false, err)
		default:
			r.count(o)
			take(o)
		}
	}
	return failed
}

func (r *resuming) count(o Orphan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.Surplus {
		r.report.Surplus++
	} else {
		r.report.Orphaned++
	}
}

// left notes an order that was left as it is.
func (r *resuming) left(o Orphan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.to.took != nil {
		r.to.took(o, false, nil)
	}
}

// done notes what became of one order. The look ends when Temporal can't be reached.
func (r *resuming) done(ctx context.Context, o Orphan, started bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil && r.o.Unavailable(err):
		r.stop(err)
		return
	case err != nil && ctx.Err() != nil:
		return
	case err != nil:
		r.report.Failed++
		r.o.Logger.WarnContext(ctx, "an order could not be resumed, trying again later", "order_id", o.Order.ID.String(), "error", err)
	case started:
		r.report.Resumed++
	}
	if r.to.told != nil {
		r.to.told(r.report, o, err)
	}
	if r.to.took != nil {
		r.to.took(o, started, err)
	}
}

func (f *Finder) resume(ctx context.Context, o Orphan) (started bool, err error) {
	started, err = f.o.Sagas.ResumeOrder(ctx, o.Order, o.Surplus)
	if err != nil {
		return false, fmt.Errorf("resume order %s: %w", o.Order.ID, err)
	}
	if started {
		f.metrics.resumed.Inc()
		f.o.Logger.InfoContext(ctx, "a saga goes on with an order",
			"order_id", o.Order.ID.String(), "status", string(o.Order.Status), "cause", o.Cause)
	}
	return started, nil
}

// attempt is how often an order was resumed that is an orphan again at the next look.
type attempt struct {
	count int
	// due is when it is resumed again, and look the last one that has found it.
	due  time.Time
	look int
}

// due reports whether an order is to be resumed now. Twice it is at once; then the pause doubles from look to look.
func (f *Finder) due(id uuid.UUID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, known := f.attempts[id]
	if !known && len(f.attempts) >= attemptsMax {
		return true
	}
	a.look = f.looks
	now := time.Now()
	isDue := !now.Before(a.due)
	if isDue {
		if a.count++; a.count > 1 {
			a.due = now.Add(min(f.o.Every<<min(a.count-1, pauseDoublings), pauseMax))
		}
	}
	f.attempts[id] = a
	return isDue
}

// endLook drops the orders that the look has not found again.
func (f *Finder) endLook() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, a := range f.attempts {
		if a.look != f.looks {
			delete(f.attempts, id)
		}
	}
	f.looks++
}
