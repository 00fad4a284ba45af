package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/readmodel"
)

// sustain appends at a set rate while relay and projector run. It measures from the moment an append was due until
// its view is there, so that a delayed append counts as well.
func (b *bench) sustain(ctx context.Context) error {
	stopRelay, err := b.runRelay(ctx)
	if err != nil {
		return err
	}
	defer stopRelay()
	seen := &watcher{due: map[uuid.UUID]map[int64]time.Time{}}
	stop, err := b.runProjector(ctx, seen)
	if err != nil {
		return err
	}
	defer stop()
	events := b.orderEvents()
	start := time.Now()
	if err := b.appendAtRate(ctx, events, seen); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); seen.open() > 0; {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d events did not become visible", seen.open())
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	slices.Sort(seen.delays)
	b.set("sustained_events_per_s", float64(len(events))/time.Since(start).Seconds(), "%.0f")
	b.set("lag_p50_ms", percentile(seen.delays, 0.5), "%.1f")
	b.set("lag_p95_ms", percentile(seen.delays, 0.95), "%.1f")
	b.set("lag_p99_ms", percentile(seen.delays, 0.99), "%.1f")
	return nil
}

// orderEvents returns events of orders only: the projector tells the caches of changed order views.
func (b *bench) orderEvents() []domain.Envelope {
	var events []domain.Envelope
	for _, e := range eventtest.Lives(2, 2*b.rate*b.seconds/5+100) {
		if e.AggregateType == domain.AggregateOrder {
			events = append(events, e)
		}
	}
	return events[:min(len(events), b.rate*b.seconds)]
}

// appendAtRate appends each event when it is due, or as soon after that as the store allows.
func (b *bench) appendAtRate(ctx context.Context, events []domain.Envelope, seen *watcher) error {
	var wg sync.WaitGroup
	queues := make([]chan domain.Envelope, 16)
	failed := make(chan error, len(queues))
	for i := range queues {
		queues[i] = make(chan domain.Envelope, len(events))
		wg.Go(func() {
			for e := range queues[i] {
				if err := b.append(ctx, e); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	start := time.Now()
	for i, e := range events {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(b.rate))
		if err := pause(ctx, time.Until(due)); err != nil {
			return err
		}
		seen.expect(e.AggregateID, e.Version, due)
		queues[int(e.AggregateID[15])%len(queues)] <- e
	}
	for _, q := range queues {
		close(q)
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// watcher notes when the views have what was appended.
type watcher struct {
	mu     sync.Mutex
	due    map[uuid.UUID]map[int64]time.Time
	delays []time.Duration
}

func (w *watcher) expect(id uuid.UUID, version int64, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due[id] == nil {
		w.due[id] = map[int64]time.Time{}
	}
	w.due[id][version] = due
}

// Invalidate is called after the commit of a batch.
func (w *watcher) Invalidate(_ context.Context, changed []readmodel.OrderVersion) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range changed {
		for version, due := range w.due[c.OrderID] {
			if version <= c.Version {
				w.delays = append(w.delays, now.Sub(due))
				delete(w.due[c.OrderID], version)
			}
		}
		if len(w.due[c.OrderID]) == 0 {
			delete(w.due, c.OrderID)
		}
	}
}

func (w *watcher) open() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.due)
}
