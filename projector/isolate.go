package projector

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
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

// applyOrPark applies the events of one stream to one projection, and parks the stream at its first event
// that can't be written.
func (g *Engine) applyOrPark(ctx context.Context, p Projection, w Work) (Result, error) {
	var total Result
	for _, events := range oneByOne(w) {
		one := w
		one.Events = events
		var err error
		for range faultsMax {
			var r Result
			if r, err = g.apply(ctx, one); err == nil {
				total.add(r)
				break
			}
			if !dataFault(err) {
				return total, err
			}
		}
		if err == nil {
			continue
		}
		bad := one
		bad.Keys, bad.Events = nil, nil
		if len(events) == 0 { // a repair: it is not known which of the missing events is at fault, so the next one is blamed
			env, loadErr := g.next(ctx, p, w.Place, w.Keys[0])
			if loadErr != nil {
				return total, loadErr
			}
			bad.Events = []Incoming{{Event: Event{Envelope: env, OrderID: w.Keys[0].OrderID}, Bad: err}}
		} else {
			bad.Events = []Incoming{{Event: events[0].Event, Bad: err}}
		}
		r, err := g.apply(ctx, bad)
		if err != nil {
			return total, err
		}
		total.add(r)
	}
	return total, nil
}

// oneByOne splits the events of a stream; without events there is one part, without any.
func oneByOne(w Work) [][]Incoming {
	if len(w.Events) == 0 {
		return [][]Incoming{nil}
	}
	parts := make([][]Incoming, len(w.Events))
	for i := range w.Events {
		parts[i] = w.Events[i : i+1]
	}
	return parts
}

// next returns the event of a stream that follows what a projection has.
func (g *Engine) next(ctx context.Context, p Projection, in Place, k Key) (domain.Envelope, error) {
	versions, err := g.versions(ctx, p, in, []Key{k})
	if err != nil {
		return domain.Envelope{}, err
	}
	events, err := g.source.Load(ctx, k.AggregateType, k.AggregateID, versions[0])
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("load %s %s: %w", k.AggregateType, k.AggregateID, err)
	}
	if len(events) == 0 {
		return domain.Envelope{}, fmt.Errorf("%s %s has no event after version %d", k.AggregateType, k.AggregateID, versions[0])
	}
	return events[0], nil
}
