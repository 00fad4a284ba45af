package projector

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// isolate does the work of a batch stream by stream, after the batch as a whole was refused for its data. It parks the
// streams whose own work is refused faultsMax times in a row. What the caller adds to the transaction (Also) comes
// last, in a transaction of its own.
func (g *Engine) isolate(ctx context.Context, w Work) (Result, error) {
	var total Result
	byStream := map[uuid.UUID]Work{}
	var order []uuid.UUID
	for _, in := range w.Events {
		id := in.Event.AggregateID
		one, ok := byStream[id]
		if !ok {
			one = Work{Place: w.Place, Unpark: w.Unpark, Discarded: w.Discarded}
			order = append(order, id)
		}
		one.Events = append(one.Events, in)
		byStream[id] = one
	}
	for _, k := range w.Keys {
		if _, ok := byStream[k.AggregateID]; !ok {
			byStream[k.AggregateID] = Work{Place: w.Place, Unpark: w.Unpark, Discarded: w.Discarded, Keys: []Key{k}}
			order = append(order, k.AggregateID)
		}
	}
	for _, id := range order {
		for _, p := range w.Projections {
			one := byStream[id]
			one.Projections = []Projection{p}
			r, err := g.applyOrPark(ctx, p, one)
			if err != nil {
				return total, err
			}
			total.add(r)
		}
	}
	if w.Also != nil {
		r, err := g.apply(ctx, Work{Place: w.Place, Also: w.Also})
		if err != nil {
			return total, err
		}
		total.add(r)
	}
	return total, nil
}

// faultsMax is how often the database may refuse the data of one stream before the stream is parked.
const faultsMax = 3

// applyOrPark applies the events of one stream to one projection, event by event, and parks the stream at its first
// event that can't be written. The others wait behind it.
func (g *Engine) applyOrPark(ctx context.Context, p Projection, w Work) (Result, error) {
	var total Result
	events, err := g.eventsOf(ctx, p, w)
	if err != nil {
		return total, err
	}
	one := w
	one.Keys = nil
	for i := range events {
		one.Events = events[i : i+1]
		r, err := g.applyPatiently(ctx, one)
		if err != nil && !DataFault(err) {
			return total, err
		}
		if err != nil {
			parking := Parking{Projection: w.Place.Name(p.Name()), Key: events[i].Event.Key(), Event: events[i].Event.Envelope, Err: err}
			if err := g.park(ctx, parking, events[len(events)-1].Event.Version); err != nil {
				return total, err
			}
			total.Parked = append(total.Parked, parking)
			return total, g.showParked(ctx, p, w, parking.Key)
		}
		total.add(r)
		if len(r.Parked) > 0 {
			one.Unpark = false // what comes behind waits
		}
	}
	return total, nil
}

// applyPatiently applies work again when its data are refused, up to faultsMax times.
func (g *Engine) applyPatiently(ctx context.Context, w Work) (r Result, err error) {
	for range faultsMax {
		if r, err = g.apply(ctx, w); err == nil || !DataFault(err) {
			return r, err
		}
	}
	return r, err
}

// park records a parking alone, since the rows of the view may be what can't be read. The queue reaches up to last.
func (g *Engine) park(ctx context.Context, p Parking, last int64) error {
	q := &pgx.Batch{}
	queueParking(q, p, last)
	if err := g.pool.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("park %s %s: %w", p.Key.AggregateType, p.Key.AggregateID, err)
	}
	return nil
}

// showParked lets the row show that its stream is parked, unless the row is what can't be read or written.
func (g *Engine) showParked(ctx context.Context, p Projection, w Work, k Key) error {
	_, err := g.apply(ctx, Work{Place: w.Place, Projections: []Projection{p}, Keys: []Key{k}})
	if err != nil && !DataFault(err) {
		return err
	}
	return nil
}

// eventsOf returns the events of the work for one stream. A repair names none: they are those that a projection does
// not have.
func (g *Engine) eventsOf(ctx context.Context, p Projection, w Work) ([]Incoming, error) {
	if len(w.Events) > 0 {
		return w.Events, nil
	}
	k := w.Keys[0]
	if err := g.ResolveOrder(ctx, &k); err != nil {
		return nil, err
	}
	var after int64
	versions, err := g.versions(ctx, p, w.Place, []Key{k})
	switch {
	case err == nil:
		after = versions[0]
	case !DataFault(err):
		return nil, err
	}
	missing, err := g.source.Load(ctx, k.AggregateType, k.AggregateID, after)
	if err != nil {
		return nil, fmt.Errorf("load %s %s: %w", k.AggregateType, k.AggregateID, err)
	}
	return g.Decode(missing), nil
}
