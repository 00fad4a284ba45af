package projector

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
)

// The sweeper's pace: after each page of sweepPage streams it rests sweepRestFactor times as long as the page
// took, so that it takes at most a twentieth of one connection.
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

// eachPage calls f with all streams, page by page, inventory last: the others belong to orders.
func eachPage(ctx context.Context, lister StreamLister, size int, f func([]eventstore.StreamVersion) error) error {
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

// sweep compares all streams with the views, again and again, at a low rate. It begins at once, and again
// when Kafka is known to have lost something.
func (p *Projector) sweep(ctx context.Context, lost <-chan struct{}) {
	for ctx.Err() == nil {
		start := time.Now()
		if err := p.sweepAll(ctx); err != nil && ctx.Err() == nil {
			p.opts.Logger.WarnContext(ctx, "can't compare the views with the event store, trying again", "error", err)
		} else {
			p.engine.metrics.sweepSeconds.Set(time.Since(start).Seconds())
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
	return eachPage(ctx, p.opts.Streams, sweepPage, func(streams []eventstore.StreamVersion) error {
		start := time.Now()
		r, err := p.engine.catchUp(ctx, Live, streams)
		if err != nil {
			return err
		}
		took := time.Since(start)
		p.engine.metrics.sweptStreams.Add(float64(len(streams)))
		p.engine.metrics.repaired.WithLabelValues("sweep").Add(float64(r.repaired))
		if r.repaired > 0 {
			p.opts.Logger.InfoContext(ctx, "views repaired from the event store", "events", r.repaired)
		}
		p.after(ctx, r)
		return backoff.Pause(ctx, min(max(sweepRestFactor*took, sweepPauseMin), sweepPauseMax))
	})
}

// catchUp brings the views of these streams up to at least the versions given, where they are behind.
//
// What is on its way through Kafka counts as behind as well, and then comes a second time and is skipped.
func (g *engine) catchUp(ctx context.Context, in Place, streams []eventstore.StreamVersion) (result, error) {
	keys := make([]Key, len(streams))
	for i, s := range streams {
		keys[i] = Key{AggregateType: s.Stream.Type, AggregateID: s.Stream.ID}
	}
	if err := g.nameOrders(ctx, keys); err != nil {
		return result{}, err
	}
	var total result
	for _, p := range g.projections {
		var mine []Key
		var want []int64
		for i, k := range keys {
			if (&view{aggregates: p.Aggregates()}).folds(k) {
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
		r, err := g.process(ctx, work{place: in, projections: []Projection{p}, keys: behind})
		if err != nil {
			return total, err
		}
		total.add(r)
	}
	return total, nil
}

// nameOrders fills in the orders that payments belong to, as far as the views know them; the others are
// looked up in the event store one by one.
func (g *engine) nameOrders(ctx context.Context, keys []Key) error {
	unknown := map[uuid.UUID]int{}
	var ids []uuid.UUID
	for i, k := range keys {
		switch k.AggregateType {
		case domain.AggregateOrder:
			keys[i].OrderID = k.AggregateID
		case domain.AggregatePayment:
			unknown[k.AggregateID] = i
			ids = append(ids, k.AggregateID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := g.pool.Query(ctx, Live.SQL(`SELECT payment_id, order_id FROM {payment_views} WHERE payment_id = ANY($1)`), ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, order uuid.UUID
		if err := rows.Scan(&id, &order); err != nil {
			return err
		}
		keys[unknown[id]].OrderID = order
		delete(unknown, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, i := range unknown {
		if err := g.resolveKey(ctx, &keys[i]); err != nil {
			return err
		}
	}
	return nil
}
