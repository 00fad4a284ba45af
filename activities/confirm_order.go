package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
)

// ConfirmOrder is the input of [Activities.ConfirmOrder].
type ConfirmOrder struct {
	OrderID     uuid.UUID              `json:"order_id"`
	Allocations []inventory.Allocation `json:"allocations"`
	At          time.Time              `json:"at"`
}

// Confirmed is the plan of shipments.
type Confirmed struct {
	Shipments []order.Shipment `json:"shipments"`
	// Status is where the order stands, empty for confirmed.
	Status order.Status `json:"status,omitempty"`
}

// ConfirmOrder confirms the order and plans its shipments. Of an order that was confirmed before it tells how that and
// its shipments stand now. Refusals: not_found; not_confirmable.
func (a *Activities) ConfirmOrder(ctx context.Context, in ConfirmOrder) (Confirmed, error) {
	var out Confirmed
	err := changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "confirm", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		events, err := order.Confirm(o, order.ConfirmOrder{Shipments: order.PlanShipments(o, in.Allocations), At: in.At})
		after := orderAfter(o, events)
		out = Confirmed{Shipments: after.Shipments, Status: after.Status}
		return events, err
	})
	if err != nil {
		return Confirmed{}, err
	}
	return out, nil
}
