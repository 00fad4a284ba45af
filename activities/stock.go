package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
)

// stockQuestion says what a decision about stock is about.
type stockQuestion struct {
	skus []string
	// locations are those where goods of an order lie by its own events. Those of the network are added.
	locations []string
	// streams are further streams that the decision is about.
	streams []eventstore.StreamID
	// placing is set for a new order. It looks at the network alone, and takes no goods that anybody waits for.
	placing bool
}

// supply is the stock of some SKUs, within a decision.
type supply struct {
	tx        *eventstore.Tx
	network   location.Network
	locations []string // where goods may lie
}

// errOtherLocations ends a decision that did not name the stock of each location.
var errOtherLocations = errors.New("the network has other locations than those that were named")

// decideOnStock runs a decision about the stock of SKUs at all locations of the network.
//
// Each such decision rests on the network as it is when it is stored. So a location that was deactivated takes nothing
// more, and one that was added is not overlooked. The locations that this process saw last name the streams.
func (a *Activities) decideOnStock(ctx context.Context, st eventstore.Stamp, q stockQuestion, decide func(supply) error) error {
	for {
		var locations, now []string
		if seen := a.seen.Load(); seen != nil {
			locations = *seen
		}
		for _, id := range q.locations {
			if !slices.Contains(locations, id) {
				locations = append(slices.Clip(locations), id)
			}
		}
		streams := slices.Concat(q.streams, stockItems(q.skus, locations))
		if q.placing {
			st.Reads = networkStream
		} else {
			streams = slices.Concat(streams, networkStream, queues(q.skus))
		}
		err := a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
			network := eventstore.State(tx, networkAggregate, location.NetworkID)
			if now = network.IDs(); slices.ContainsFunc(now, func(id string) bool { return !slices.Contains(locations, id) }) {
				return errOtherLocations
			}
			return decide(supply{tx: tx, network: network, locations: locations})
		})
		if !errors.Is(err, errOtherLocations) {
			return err
		}
		a.seen.Store(&now)
	}
}

var networkStream = []eventstore.StreamID{{Type: domain.AggregateNetwork, ID: location.NetworkID}}

// stockItems names the stock items of the SKUs at the locations.
func stockItems(skus, locations []string) []eventstore.StreamID {
	ids := make([]eventstore.StreamID, 0, len(skus)*len(locations))
	for _, sku := range skus {
		for _, l := range locations {
			ids = append(ids, eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.ID(sku, l)})
		}
	}
	return ids
}

func queues(skus []string) []eventstore.StreamID {
	ids := make([]eventstore.StreamID, len(skus))
	for i, sku := range skus {
		ids[i] = eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.QueueID(sku)}
	}
	return ids
}

func orderStream(id uuid.UUID) []eventstore.StreamID {
	return []eventstore.StreamID{{Type: domain.AggregateOrder, ID: id}}
}

// item is the stock item of a SKU at a location, and queue is the queue of a SKU.
func (s supply) item(sku, location string) inventory.Stock {
	return eventstore.State(s.tx, stockAggregate, inventory.ID(sku, location))
}

func (s supply) queue(sku string) inventory.Stock {
	return eventstore.State(s.tx, stockAggregate, inventory.QueueID(sku))
}

func (s supply) record(sku, location string, events ...domain.Event) {
	eventstore.Record(s.tx, stockAggregate, inventory.ID(sku, location), events...)
}

func (s supply) recordQueue(sku string, events ...domain.Event) {
	eventstore.Record(s.tx, stockAggregate, inventory.QueueID(sku), events...)
}

// reservedFor returns what is reserved for the order already, and whether it waits for more.
func (s supply) reservedFor(orderID uuid.UUID, skus []string) Reserved {
	var out Reserved
	for _, sku := range skus {
		for _, l := range s.locations {
			if n, ok := s.item(sku, l).Reservations[orderID]; ok {
				out.Allocations = append(out.Allocations, inventory.Allocation{SKU: sku, Location: l, Quantity: n})
			}
		}
		for _, b := range s.queue(sku).Backorders {
			if b.OrderID == orderID {
				out.Allocations = append(out.Allocations, inventory.Allocation{SKU: sku, Quantity: b.Quantity, Backordered: true})
				out.Waiting = true
			}
		}
	}
	return out
}

// allocate chooses where the goods of the lines come from, by what look tells of a stock item.
func (s supply) allocate(
	allocator inventory.Allocator, lines []inventory.Line, country string, backorder bool,
	look func(sku, location string) inventory.Stock,
) ([]inventory.Allocation, error) {
	available := s.network.Available(func(sku, location string) int { return look(sku, location).Available() })
	return allocator.Allocate(lines, s.network.Active(), available, country, backorder)
}

// decideAllocation decides what one allocation means for its stock item, or for the queue of its SKU.
func (s supply) decideAllocation(orderID uuid.UUID, al inventory.Allocation, country string, at time.Time) ([]domain.Event, error) {
	if al.Backordered {
		return inventory.Wait(s.queue(al.SKU), inventory.BackorderStock{
			SKU: al.SKU, OrderID: orderID, Quantity: al.Quantity, ShipToCountry: country, At: at,
		})
	}
	return inventory.Reserve(s.item(al.SKU, al.Location), inventory.ReserveStock{
		SKU: al.SKU, Location: al.Location, OrderID: orderID, Quantity: al.Quantity, At: at,
	})
}

// changeStock runs a decision that may free stock or bring some in, and serves with it those who wait. Decide reports
// whether it has recorded anything.
func (a *Activities) changeStock(ctx context.Context, st eventstore.Stamp, q stockQuestion, decide func(supply) (bool, error)) (Served, error) {
	var out Served
	var open []string // SKUs of which more may be served
	err := a.decideOnStock(ctx, st, q, func(s supply) error {
		out, open = Served{}, nil
		changed, err := decide(s)
		if err != nil {
			return err
		}
		for _, sku := range q.skus {
			more := s.network.Backordered[sku]
			if changed {
				var served []inventory.BackorderServed
				served, more = a.serve(s, sku, st.At)
				out.add(served)
			}
			if more {
				open = append(open, sku)
			}
		}
		return nil
	})
	for _, sku := range open {
		if err != nil {
			break
		}
		err = a.serveRest(ctx, st, sku, &out)
	}
	if err != nil {
		return Served{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

// StockChanged is what became of a receipt or an adjustment.
type StockChanged struct {
	Served
	// Replayed is true when it was recorded before.
	Replayed bool `json:"replayed,omitempty"`
}

// changeStockItem is [Activities.changeStock] for one stock item. Refusals: unknown_location; idempotency_key_reused
// when the request has changed another stock item.
func (a *Activities) changeStockItem(
	ctx context.Context, st eventstore.Stamp, sku, location string, decide func(inventory.Stock) ([]domain.Event, error),
) (StockChanged, error) {
	var out StockChanged
	served, err := a.changeStock(ctx, st, stockQuestion{skus: []string{sku}}, func(s supply) (bool, error) {
		if err := s.network.Check(location); err != nil {
			return false, err
		}
		events, err := decide(s.item(sku, location))
		if out.Replayed = len(events) == 0; err == nil {
			s.record(sku, location, events...)
		}
		return !out.Replayed, err
	})
	out.Served = served
	if isRefusal(err, eventstore.CodeEventIDReused) {
		// The id of the first event follows from the request's, so another stock item has it.
		err = Refusal(domain.Refuse(domain.CodeIdempotencyKeyReused, "other stock was changed under the same key"))
	}
	return out, err
}

func (s supply) restock(sku, location string, quantity int, orderID, returnID uuid.UUID, at time.Time) error {
	events, err := inventory.Restock(s.item(sku, location), inventory.ReturnStock{
		SKU: sku, Location: location, OrderID: orderID, ReturnID: returnID, Quantity: quantity, At: at,
	})
	if err == nil {
		s.record(sku, location, events...)
	}
	return err
}

// stockOf is the question about an order's goods of some lines.
func stockOf(o order.Order, lines []inventory.Line) stockQuestion {
	return stockQuestion{skus: inventory.SKUs(lines), locations: o.StockLocations(), streams: orderStream(o.ID)}
}
