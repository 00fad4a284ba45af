package relay

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
)

const (
	// watchInterval is how often every relay measures how far publishing is behind, whoever publishes.
	watchInterval = time.Second
	// watchTimeout bounds a measurement.
	watchTimeout = 5 * time.Second
)

// watch keeps the metric of the backlog true until ctx ends. It asks the store and the cursor, not the leader. A leader
// may hang, be cut off, or wait for Kafka or for an append that stays open. There may also be none.
func (r *Relay) watch(ctx context.Context) {
	var oldest time.Time // of what is not published; zero for nothing
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
		if backoff.Pause(ctx, watchInterval) != nil {
			return
		}
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
