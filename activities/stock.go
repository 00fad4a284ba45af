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
	At            time.Time        `json:"at"`
}

// Reserved says where the goods of an order are set aside.
type Reserved struct {
	Allocations []inventory.Allocation `json:"allocations"`
}

// ReserveStock sets the goods of an order aside, all lines or none. Refusals: out_of_stock;
// reservation_closed when the order's reservation was released before.
func (a *Activities) ReserveStock(ctx context.Context, in ReserveStock) (Reserved, error) {
	var out Reserved
	st := stamp(ctx, "reserve-stock", in.OrderID, in.At)
	err := a.events.Decide(ctx, st, a.stockItems(in.Lines), func(tx *eventstore.Tx) error {
		if out.Allocations = a.reservations(tx, in.OrderID, in.Lines); len(out.Allocations) > 0 {
			return nil // an earlier attempt has made it
		}
		available := func(sku, location string) int {
			return eventstore.State(tx, stock, inventory.ID(sku, location)).Available()
		}
		allocations, err := inventory.Allocate(in.Lines, a.locations, available, in.ShipToCountry)
		if err != nil {
			return err
		}
		for _, al := range allocations {
			id := inventory.ID(al.SKU, al.Location)
			events, err := inventory.Reserve(eventstore.State(tx, stock, id), inventory.ReserveStock{
				SKU: al.SKU, Location: al.Location, OrderID: in.OrderID, Quantity: al.Quantity, At: in.At,
			})
			if err != nil {
				return err
			}
			eventstore.Record(tx, stock, id, events...)
		}
		out.Allocations = allocations
		return nil
	})
	if err != nil {
		return Reserved{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
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

// ReleaseStock frees what is reserved for an order. It does nothing when nothing is.
func (a *Activities) ReleaseStock(ctx context.Context, in ReleaseStock) error {
	st := stamp(ctx, "release-stock", in.OrderID, in.At)
	err := a.events.Decide(ctx, st, a.stockItems(in.Lines), func(tx *eventstore.Tx) error {
		for _, sku := range skus(in.Lines) {
			for _, l := range a.locations {
				id := inventory.ID(sku, l.ID)
				eventstore.Record(tx, stock, id, inventory.Release(eventstore.State(tx, stock, id), inventory.ReleaseStock{
					SKU: sku, Location: l.ID, OrderID: in.OrderID, Reason: in.Reason, Fence: in.Fence, At: in.At,
				})...)
			}
		}
		return nil
	})
	if err != nil {
		return Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return nil
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
func (a *Activities) ReceiveStock(ctx context.Context, in ReceiveStock) error {
	if err := a.knownLocation(in.Location); err != nil {
		return Refusal(err)
	}
	st := stamp(ctx, "receive-stock", uuid.Nil, in.At)
	return change(ctx, a, stock, inventory.ID(in.SKU, in.Location), st, func(s inventory.Stock) ([]domain.Event, error) {
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
func (a *Activities) AdjustStock(ctx context.Context, in AdjustStock) error {
	if err := a.knownLocation(in.Location); err != nil {
		return Refusal(err)
	}
	st := stamp(ctx, "adjust-stock", uuid.Nil, in.At)
	return change(ctx, a, stock, inventory.ID(in.SKU, in.Location), st, func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Adjust(s, inventory.AdjustStock{
			SKU: in.SKU, Location: in.Location, AdjustmentID: in.AdjustmentID, Delta: in.Delta, Reason: in.Reason, At: in.At,
		})
	})
}

// stockItems names the stock items at which the lines' goods may lie.
func (a *Activities) stockItems(lines []inventory.Line) []eventstore.StreamID {
	var ids []eventstore.StreamID
	for _, sku := range skus(lines) {
		for _, l := range a.locations {
			ids = append(ids, eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.ID(sku, l.ID)})
		}
	}
	return ids
}

// reservations returns what is reserved for the order already.
func (a *Activities) reservations(tx *eventstore.Tx, orderID uuid.UUID, lines []inventory.Line) []inventory.Allocation {
	var found []inventory.Allocation
	for _, sku := range skus(lines) {
		for _, l := range a.locations {
			if n, ok := eventstore.State(tx, stock, inventory.ID(sku, l.ID)).Reservations[orderID]; ok {
				found = append(found, inventory.Allocation{SKU: sku, Location: l.ID, Quantity: n})
			}
		}
	}
	return found
}

func (a *Activities) knownLocation(id string) error {
	for _, l := range a.locations {
		if l.ID == id {
			return nil
		}
	}
	return &domain.Error{Code: "unknown_location", Field: "location", Message: fmt.Sprintf("there is no location %q", id)}
}

// skus returns the SKUs of the lines, each once, in their order.
func skus(lines []inventory.Line) []string {
	var out []string
	seen := map[string]bool{}
	for _, l := range lines {
		if !seen[l.SKU] {
			seen[l.SKU] = true
			out = append(out, l.SKU)
		}
	}
	return out
}
