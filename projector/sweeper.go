package projector

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
)

// The sweeper rests after each page of sweepPage streams, sweepRestFactor times as long as the page took. So it takes
// at most a twentieth of one connection.
const (
	sweepPage       = 500
	sweepRestFactor = 19
	sweepPauseMin   = 20 * time.Millisecond
	sweepPauseMax   = 2 * time.Second
	// sweepRest is how long it rests between one complete comparison and the next.
	sweepRest = time.Minute
)

// StreamLister lists the streams of the event store; [eventstore.Store] is one.
type StreamLister interface {
	// Versions returns up to limit streams of a type with ids above after, sorted by id.
	Versions(ctx context.Context, aggregateType string, after uuid.UUID, limit int) ([]eventstore.StreamVersion, error)
}

// EachPage calls f with all streams, page by page. Those of orders and payments come first.
func EachPage(ctx context.Context, lister StreamLister, size int, f func([]eventstore.StreamVersion) error) error {
	for _, t := range catalog.AggregateTypes() {
		var after uuid.UUID
		for {
			page, err := lister.Versions(ctx, t, after, size)
			if err != nil {
				return fmt.Errorf("list %s streams: %w", t, err)
			}
			if len(page) == 0 {
				break
			}
			if err := f(page); err != nil {
				return err
			}
			after = page[len(page)-1].Stream.ID
		}
	}
	return nil
}

// sweep compares all streams with the views, again and again, at a low rate. It begins at once, and again when Kafka is
// seen to have lost something.
func (p *Projector) sweep(ctx context.Context, lost <-chan struct{}) {
	for ctx.Err() == nil {
		start := time.Now()
		if err := p.sweepAll(ctx); err != nil && ctx.Err() == nil {
			p.opts.Logger.WarnContext(ctx, "can't compare the views with the event store, trying again", "error", err)
		} else {
			p.mender.metrics.sweepSeconds.Set(time.Since(start).Seconds())
		}
		t := time.NewTimer(sweepRest)
		select {
		case <-t.C:
		case <-lost:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

// sweepAll compares all streams with the views once.
func (p *Projector) sweepAll(ctx context.Context) error {
	failed := 0
	err := EachPage(ctx, p.opts.Streams, sweepPage, func(streams []eventstore.StreamVersion) error {
		start := time.Now()
		r, err := p.mender.Engine.CatchUp(ctx, Live, streams)
		if err != nil {
			var left int
			if r, left, err = p.sweepSingly(ctx, streams); err != nil {
				return err
			}
			failed += left
		}
		took := time.Since(start)
		p.mender.metrics.sweptStreams.Add(float64(len(streams)))
		p.mender.metrics.repaired.WithLabelValues("sweep").Add(float64(r.Repaired))
		if r.Repaired > 0 {
			p.opts.Logger.InfoContext(ctx, "views repaired from the event store", "events", r.Repaired)
		}
		p.mender.invalidate(ctx, r)
		return backoff.Pause(ctx, min(max(sweepRestFactor*took, sweepPauseMin), sweepPauseMax))
	})
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d streams could not be repaired, all others were", failed)
	}
	return err
}

// sweepFaultsMax is how many streams of a page may fail before any has succeeded. More is no fault of streams.
const sweepFaultsMax = 10

// sweepSingly repairs the streams of a page one by one, so that those which fail keep no others from being repaired. It
// returns how many failed, or the error of one when all do.
func (p *Projector) sweepSingly(ctx context.Context, streams []eventstore.StreamVersion) (total Result, failed int, err error) {
	for i, s := range streams {
		r, err := p.mender.Engine.CatchUp(ctx, Live, streams[i:i+1])
		if err == nil {
			total.add(r)
			continue
		}
		failed++
		if ctx.Err() != nil || failed == i+1 && failed >= min(sweepFaultsMax, len(streams)) {
			return total, failed, err
		}
		p.opts.Logger.WarnContext(ctx, "a stream can't be repaired, going on with the others", "aggregate_type", s.Stream.Type,
			"aggregate_id", s.Stream.ID, "error", err)
	}
	return total, failed, nil
}

// CatchUp brings the views of these streams up to at least the versions given, where they are behind. An event that is
// on its way through Kafka counts as missing as well; it then comes a second time, and is skipped.
func (g *Engine) CatchUp(ctx context.Context, in Place, streams []eventstore.StreamVersion) (Result, error) {
	keys := make([]Key, len(streams))
	for i, s := range streams {
		keys[i] = Key{AggregateType: s.Stream.Type, AggregateID: s.Stream.ID}
	}
	if err := g.resolveOrders(ctx, keys); err != nil {
		return Result{}, err
	}
	var total Result
	for _, p := range g.projections {
		var mine []Key
		var want []int64
		for i, k := range keys {
			if Folds(p, k) {
				mine, want = append(mine, k), append(want, streams[i].Version)
			}
		}
		if len(mine) == 0 {
			continue
		}
		have, err := g.versions(ctx, p, in, mine)
		if err != nil {
			return total, err
		}
		var behind []Key
		for i, k := range mine {
			if have[i] < want[i] {
				behind = append(behind, k)
			}
		}
		if len(behind) == 0 {
			continue
		}
		r, err := g.Process(ctx, Work{Place: in, Projections: []Projection{p}, Keys: behind})
		if err != nil {
			return total, err
		}
		total.add(r)
	}
	return total, nil
}
