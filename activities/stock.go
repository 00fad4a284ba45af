package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
)

// Served names the orders whose backorders were served by goods that became free or came in.
type Served struct {
	Orders []uuid.UUID `json:"orders,omitempty"`
}

// StockChanged is what became of a receipt or an adjustment.
type StockChanged struct {
	Served
	// Replayed is true when it was recorded before.
	Replayed bool `json:"replayed,omitempty"`
}

// changeStock runs a decision that may free stock or bring some in, and serves with it those who wait.
func (a *Activities) changeStock(
	ctx context.Context, st eventstore.Stamp, streams []eventstore.StreamID, decide func(tx *eventstore.Tx) error,
) (Served, error) {
	var out Served
	err := a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
		out = Served{}
		if err := decide(tx); err != nil {
			return err
		}
		for _, s := range streams {
			if s.Type != domain.AggregateInventory {
				continue
			}
			served := inventory.Serve(eventstore.State(tx, stockAggregate, s.ID), st.At)
			for _, e := range served {
				out.Orders = append(out.Orders, e.(inventory.StockReserved).OrderID)
			}
			eventstore.Record(tx, stockAggregate, s.ID, served...)
		}
		return nil
	})
	if err != nil {
		return Served{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

func (a *Activities) changeStockItem(
	ctx context.Context, st eventstore.Stamp, sku, location string, decide func(inventory.Stock) ([]domain.Event, error),
) (StockChanged, error) {
	if err := inventory.CheckLocation(a.locations, location); err != nil {
		return StockChanged{}, Refusal(err)
	}
	var out StockChanged
	id := inventory.ID(sku, location)
	served, err := a.changeStock(ctx, st, []eventstore.StreamID{{Type: domain.AggregateInventory, ID: id}}, func(tx *eventstore.Tx) error {
		events, err := decide(eventstore.State(tx, stockAggregate, id))
		if out.Replayed = len(events) == 0; err == nil {
			eventstore.Record(tx, stockAggregate, id, events...)
		}
		return err
	})
	out.Served = served
	return out, err
}

// stockItems names the stock items at which goods of the order may lie.
func (a *Activities) stockItems(o order.Order, lines []inventory.Line) []eventstore.StreamID {
	locations := a.stockLocations(o)
	var ids []eventstore.StreamID
	for _, sku := range inventory.SKUs(lines) {
		for _, location := range locations {
			ids = append(ids, eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.ID(sku, location)})
		}
	}
	return ids
}

// stockLocations names where goods of the order may lie. That is where its events say so, whether or not the location
// is still in the settings. It is each location of the settings too, where a reservation may be on its way.
func (a *Activities) stockLocations(o order.Order) []string {
	locations := o.StockLocations()
	for _, l := range a.locations {
		if !slices.Contains(locations, l.ID) {
			locations = append(locations, l.ID)
		}
	}
	return locations
}

// reservedFor returns what is reserved for the order already, and whether it waits for more.
func (a *Activities) reservedFor(tx *eventstore.Tx, o order.Order, lines []inventory.Line) Reserved {
	var out Reserved
	for _, sku := range inventory.SKUs(lines) {
		for _, location := range a.stockLocations(o) {
			item := eventstore.State(tx, stockAggregate, inventory.ID(sku, location))
			if n, ok := item.Reservations[o.ID]; ok {
				out.Allocations = append(out.Allocations, inventory.Allocation{SKU: sku, Location: location, Quantity: n})
			}
			for _, b := range item.Backorders {
				if b.OrderID == o.ID {
					out.Allocations = append(out.Allocations, inventory.Allocation{SKU: sku, Location: location, Quantity: b.Quantity, Backordered: true})
					out.Waiting = true
				}
			}
		}
	}
	return out
}

// allocate chooses where the goods of the lines come from.
func (a *Activities) allocate(tx *eventstore.Tx, lines []inventory.Line, country string, backorder bool) ([]inventory.Allocation, error) {
	available := func(sku, location string) int {
		return eventstore.State(tx, stockAggregate, inventory.ID(sku, location)).Available()
	}
	return a.allocator.Allocate(lines, a.locations, available, country, backorder)
}

// decideAllocation decides what one allocation means for its stock item.
func decideAllocation(tx *eventstore.Tx, orderID uuid.UUID, al inventory.Allocation, at time.Time) ([]domain.Event, error) {
	item := eventstore.State(tx, stockAggregate, inventory.ID(al.SKU, al.Location))
	if al.Backordered {
		return inventory.Wait(item, inventory.BackorderStock{SKU: al.SKU, Location: al.Location, OrderID: orderID, Quantity: al.Quantity, At: at})
	}
	return inventory.Reserve(item, inventory.ReserveStock{SKU: al.SKU, Location: al.Location, OrderID: orderID, Quantity: al.Quantity, At: at})
}

func restockItem(tx *eventstore.Tx, sku, location string, quantity int, orderID, returnID uuid.UUID, at time.Time) error {
	id := inventory.ID(sku, location)
	events, err := inventory.Restock(eventstore.State(tx, stockAggregate, id), inventory.ReturnStock{
		SKU: sku, Location: location, OrderID: orderID, ReturnID: returnID, Quantity: quantity, At: at,
	})
	if err != nil {
		return err
	}
	eventstore.Record(tx, stockAggregate, id, events...)
	return nil
}
