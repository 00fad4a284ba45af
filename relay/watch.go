package relay

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
)

const (
	// watchInterval is how often every relay measures how far publishing is behind, whoever publishes.
	watchInterval = 2 * time.Second
	// watchTimeout bounds a measurement.
	watchTimeout = 5 * time.Second
)

// watch keeps the metric of the backlog true until ctx ends. It asks the store and the cursor, not the leader. A leader
// may hang, be cut off, or wait for Kafka or for an append that stays open. There may also be none.
func (r *Relay) watch(ctx context.Context) {
	var oldest time.Time // of what is not published; zero for nothing
	var loss lossWatch
	for {
		measured, err := r.oldestUnpublished(ctx)
		switch {
		case err == nil:
			oldest = measured
		case ctx.Err() == nil:
			r.log.DebugContext(ctx, "can't measure what is not published", "error", err)
		}
		if oldest.IsZero() {
			r.metrics.backlogSeconds.Set(0)
		} else {
			r.metrics.backlogSeconds.Set(max(0, time.Since(oldest).Seconds()))
		}
		r.watchAppends(ctx, oldest)
		loss.look(ctx, r)
		if backoff.Pause(ctx, watchInterval) != nil {
			return
		}
	}
}

// watchAppends tells how long the oldest append is open, while something waits to be published.
func (r *Relay) watchAppends(ctx context.Context, oldest time.Time) {
	var open time.Duration
	if store, ok := r.opts.Store.(interface {
		OpenAppends(ctx context.Context) ([]eventstore.OpenAppend, error)
	}); ok && !oldest.IsZero() {
		ctx, cancel := context.WithTimeout(ctx, watchTimeout)
		defer cancel()
		appends, err := store.OpenAppends(ctx)
		if err != nil {
			r.log.DebugContext(ctx, "can't look for open appends", "error", err)
		}
		for _, a := range appends {
			open = max(open, a.For)
		}
	}
	r.metrics.openAppendSeconds.Set(open.Seconds())
}

// lossWatch looks whether Kafka has lost what was published.
type lossWatch struct {
	at        time.Time
	suspected bool
}

// look shows since when Kafka lacks something. From time to time the leader looks whether it does.
func (l *lossWatch) look(ctx context.Context, r *Relay) {
	if epoch := r.leads.Load(); epoch > 0 && time.Since(l.at) >= endsInterval {
		l.at = time.Now()
		var err error
		if l.suspected, err = r.lookForLoss(ctx, epoch, l.suspected); err != nil && ctx.Err() == nil {
			r.log.DebugContext(ctx, "can't look whether Kafka has lost events", "error", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	since, err := lostSince(ctx, r.opts.Pool, r.opts.Name)
	switch {
	case err != nil: // what was told last stays
	case since.IsZero():
		r.metrics.lostSeconds.Set(0)
	default:
		r.metrics.lostSeconds.Set(max(time.Since(since).Seconds(), 1))
	}
}

// oldestUnpublished returns the time of the oldest event that is not published, zero for none.
func (r *Relay) oldestUnpublished(ctx context.Context) (oldest time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	backlog, err := Unpublished(ctx, r.opts.Pool, r.opts.Store, r.opts.Name, 1)
	for _, b := range backlog {
		if oldest.IsZero() || b.Oldest.Before(oldest) {
			oldest = b.Oldest
		}
	}
	return oldest, err
}
