package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
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

// Reserved says where the goods of an order are reserved.
type Reserved struct {
	Allocations []inventory.Allocation `json:"allocations"`
	// Waiting is true while some of them are backordered.
	Waiting bool `json:"waiting,omitempty"`
}

// ReserveStock reserves the goods of an order, all lines or none. With backorders allowed, the order waits in the
// queue for what is not there. Called again, it tells how things stand.
//
// Refusals: out_of_stock; reservation_closed when the order's reservation was released before. So it is when the order
// has gone further or is cancelled: an attempt that comes late must set nothing aside.
func (a *Activities) ReserveStock(ctx context.Context, in ReserveStock) (Reserved, error) {
	var out Reserved
	o, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return Reserved{}, err
	}
	st := stamp(ctx, "reserve-stock", in.OrderID, in.At)
	err = a.decideOnStock(ctx, st, stockOf(o, in.Lines), func(s supply) error {
		if out = s.reservedFor(in.OrderID, inventory.SKUs(in.Lines)); len(out.Allocations) > 0 {
			return nil // an earlier attempt has made it
		}
		if now := eventstore.State(s.tx, orderAggregate, in.OrderID); now.Status != "" && now.Status != order.StatusCreated {
			return domain.Refuse(inventory.CodeReservationClosed, "order %s is %s and wants no goods any more", now.Number, now.Status)
		}
		out, err = a.reserve(s, in)
		return err
	})
	if err != nil {
		return Reserved{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, a.recordAllocation(ctx, in, out.Allocations)
}

// reserve decides where the goods of an order come from, and which of them it waits for.
func (a *Activities) reserve(s supply, in ReserveStock) (Reserved, error) {
	allocations, err := s.allocate(a.allocator, in.Lines, in.ShipToCountry, in.Backorder, s.item)
	if err != nil {
		return Reserved{}, err
	}
	out := Reserved{Allocations: allocations}
	for _, al := range allocations {
		events, err := s.decideAllocation(in.OrderID, al, in.ShipToCountry, in.At)
		if err != nil {
			return Reserved{}, err
		}
		if !al.Backordered {
			s.record(al.SKU, al.Location, events...)
			continue
		}
		out.Waiting = true
		s.recordQueue(al.SKU, events...)
		s.recordWaiting(al.SKU, in.At)
	}
	known := order.Allocate(eventstore.State(s.tx, orderAggregate, in.OrderID), allocations, in.At)
	eventstore.Record(s.tx, orderAggregate, in.OrderID, known...)
	return out, nil
}

// recordAllocation lets the order know where its goods are when that has changed: goods that it waited for have come.
// It records nothing otherwise.
func (a *Activities) recordAllocation(ctx context.Context, in ReserveStock, allocations []inventory.Allocation) error {
	// The step is named by what it records: another allocation of the same order is another step.
	step := "allocate/" + domain.DerivedID(in.OrderID, fmt.Sprint(allocations)).String()
	return changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, step, in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Allocate(o, allocations, in.At), nil
	})
}

// foldOrder returns a copy of an order as its events tell it; one with nothing but its id when it has none.
func (a *Activities) foldOrder(ctx context.Context, id uuid.UUID) (order.Order, error) {
	o, _, err := eventstore.Fold(ctx, a.events, orderAggregate, id)
	if err != nil {
		return o, fmt.Errorf("load order %s: %w", id, err)
	}
	o.ID = id
	return o, nil
}
