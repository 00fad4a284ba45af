package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
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

// Reserved says where the goods of an order are reserved.
type Reserved struct {
	Allocations []inventory.Allocation `json:"allocations"`
	// Waiting is true while some of them are backordered.
	Waiting bool `json:"waiting,omitempty"`
}

// ReserveStock reserves the goods of an order, all lines or none. With backorders allowed, the order waits in the
// queue for what is not there. Called again, it tells how things stand.
//
// Refusals: out_of_stock; reservation_closed when the order's reservation was released before.
func (a *Activities) ReserveStock(ctx context.Context, in ReserveStock) (Reserved, error) {
	var out Reserved
	st := stamp(ctx, "reserve-stock", in.OrderID, in.At)
	err := a.events.Decide(ctx, st, a.stockItems(in.Lines), func(tx *eventstore.Tx) error {
		if out = a.reservedFor(tx, in.OrderID, in.Lines); len(out.Allocations) > 0 {
			return nil // an earlier attempt has made it
		}
		allocations, err := a.allocate(tx, in.Lines, in.ShipToCountry, in.Backorder)
		if err != nil {
			return err
		}
		for _, al := range allocations {
			events, err := decideAllocation(tx, in.OrderID, al, in.At)
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
