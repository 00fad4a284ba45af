package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
)

// ReserveStock is the input of [Activities.ReserveStock].
type ReserveStock struct {
	OrderID       uuid.UUID        `json:"order_id"`
	Lines         []inventory.Line `json:"lines"`
	ShipToCountry string           `json:"ship_to_country"`
	// Backorder lets the order wait for what is not there.
	Backorder bool      `json:"backorder,omitempty"`
	At        time.Time `json:"at"`
}

// Reserved says where the goods of an order are set aside.
type Reserved struct {
	Allocations []inventory.Allocation `json:"allocations"`
	// Waiting is true while some of them are backordered.
	Waiting bool `json:"waiting,omitempty"`
}

// ReserveStock sets the goods of an order aside, all lines or none; with backorders allowed it puts
// the order into the queue for what is not there. Called again, it tells how things stand. Refusals:
// out_of_stock; reservation_closed when the order's reservation was released before.
func (a *Activities) ReserveStock(ctx context.Context, in ReserveStock) (Reserved, error) {
	var out Reserved
	st := stamp(ctx, "reserve-stock", in.OrderID, in.At)
	err := a.events.Decide(ctx, st, a.stockItems(in.Lines), func(tx *eventstore.Tx) error {
		if out = a.reserved(tx, in.OrderID, in.Lines); len(out.Allocations) > 0 {
			return nil // an earlier attempt has made it
		}
		allocations, err := a.allocate(tx, in.Lines, in.ShipToCountry, in.Backorder)
		if err != nil {
			return err
		}
		for _, al := range allocations {
			events, err := setAside(tx, in.OrderID, al, in.At)
			if err != nil {
				return err
			}
			eventstore.Record(tx, stockAggregate, inventory.ID(al.SKU, al.Location), events...)
			out.Waiting = out.Waiting || al.Backordered
		}
		out.Allocations = allocations
		return nil
	})
	if err != nil {
		return Reserved{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

// allocate chooses where the goods of the lines come from.
func (a *Activities) allocate(tx *eventstore.Tx, lines []inventory.Line, country string, backorder bool) ([]inventory.Allocation, error) {
	available := func(sku, location string) int {
		return eventstore.State(tx, stockAggregate, inventory.ID(sku, location)).Available()
	}
	return a.allocator.Allocate(lines, a.locations, available, country, backorder)
}

// setAside decides what one allocation means for its stock item.
func setAside(tx *eventstore.Tx, orderID uuid.UUID, al inventory.Allocation, at time.Time) ([]domain.Event, error) {
	item := eventstore.State(tx, stockAggregate, inventory.ID(al.SKU, al.Location))
	if al.Backordered {
		return inventory.Wait(item, inventory.BackorderStock{SKU: al.SKU, Location: al.Location, OrderID: orderID, Quantity: al.Quantity, At: at})
	}
	return inventory.Reserve(item, inventory.ReserveStock{SKU: al.SKU, Location: al.Location, OrderID: orderID, Quantity: al.Quantity, At: at})
}

// ReleaseStock is the input of [Activities.ReleaseStock].
type ReleaseStock struct {
	OrderID uuid.UUID `json:"order_id"`
	// Lines are those of the order: where their goods lie is found again.
	Lines  []inventory.Line `json:"lines"`
	Reason string           `json:"reason"`
	// Fence is set when an attempt to reserve may still be under way.
	Fence bool      `json:"fence,omitempty"`
	At    time.Time `json:"at"`
}

// Served names the orders whose backorders were served by goods that became free or came in.
type Served struct {
	Orders []uuid.UUID `json:"orders,omitempty"`
}

// ReleaseStock frees what is reserved for an order. It does nothing when nothing is.
func (a *Activities) ReleaseStock(ctx context.Context, in ReleaseStock) (Served, error) {
	return a.changeStock(ctx, stamp(ctx, "release-stock", in.OrderID, in.At), a.stockItems(in.Lines), func(tx *eventstore.Tx) error {
		for _, sku := range inventory.SKUs(in.Lines) {
			for _, l := range a.locations {
				id := inventory.ID(sku, l.ID)
				eventstore.Record(tx, stockAggregate, id, inventory.Release(eventstore.State(tx, stockAggregate, id), inventory.ReleaseStock{
					SKU: sku, Location: l.ID, OrderID: in.OrderID, Reason: in.Reason, Fence: in.Fence, At: in.At,
				})...)
			}
		}
		return nil
	})
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

// ReceiveStock is the input of [Activities.ReceiveStock].
type ReceiveStock struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	Quantity  int       `json:"quantity"`
	At        time.Time `json:"at"`
}

// ReceiveStock records goods that arrived. Refusals: invalid; unknown_location.
func (a *Activities) ReceiveStock(ctx context.Context, in ReceiveStock) (Served, error) {
	return a.changeItem(ctx, stamp(ctx, "receive-stock", uuid.Nil, in.At), in.SKU, in.Location, func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Receive(s, inventory.ReceiveStock{SKU: in.SKU, Location: in.Location, ReceiptID: in.ReceiptID, Quantity: in.Quantity, At: in.At})
	})
}

// AdjustStock is the input of [Activities.AdjustStock].
type AdjustStock struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
	At           time.Time `json:"at"`
}

// AdjustStock corrects what is on hand. Refusals: invalid; unknown_location; insufficient_stock.
func (a *Activities) AdjustStock(ctx context.Context, in AdjustStock) (Served, error) {
	return a.changeItem(ctx, stamp(ctx, "adjust-stock", uuid.Nil, in.At), in.SKU, in.Location, func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Adjust(s, inventory.AdjustStock{
			SKU: in.SKU, Location: in.Location, AdjustmentID: in.AdjustmentID, Delta: in.Delta, Reason: in.Reason, At: in.At,
		})
	})
}

func (a *Activities) changeItem(
	ctx context.Context, st eventstore.Stamp, sku, location string, decide func(inventory.Stock) ([]domain.Event, error),
) (Served, error) {
	if err := inventory.CheckLocation(a.locations, location); err != nil {
		return Served{}, Refusal(err)
	}
	id := inventory.ID(sku, location)
	return a.changeStock(ctx, st, []eventstore.StreamID{{Type: domain.AggregateInventory, ID: id}}, func(tx *eventstore.Tx) error {
		events, err := decide(eventstore.State(tx, stockAggregate, id))
		if err == nil {
			eventstore.Record(tx, stockAggregate, id, events...)
		}
		return err
	})
}

// stockItems names the stock items at which the lines' goods may lie.
func (a *Activities) stockItems(lines []inventory.Line) []eventstore.StreamID {
	var ids []eventstore.StreamID
	for _, sku := range inventory.SKUs(lines) {
		for _, l := range a.locations {
			ids = append(ids, eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.ID(sku, l.ID)})
		}
	}
	return ids
}

// reserved tells what is set aside for the order already, and whether it waits for more.
func (a *Activities) reserved(tx *eventstore.Tx, orderID uuid.UUID, lines []inventory.Line) Reserved {
	var out Reserved
	for _, sku := range inventory.SKUs(lines) {
		for _, l := range a.locations {
			item := eventstore.State(tx, stockAggregate, inventory.ID(sku, l.ID))
			if n, ok := item.Reservations[orderID]; ok {
				out.Allocations = append(out.Allocations, inventory.Allocation{SKU: sku, Location: l.ID, Quantity: n})
			}
			for _, b := range item.Backorders {
				if b.OrderID == orderID {
					out.Allocations = append(out.Allocations, inventory.Allocation{SKU: sku, Location: l.ID, Quantity: b.Quantity, Backordered: true})
					out.Waiting = true
				}
			}
		}
	}
	return out
}
