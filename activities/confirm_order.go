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
}

// ConfirmOrder confirms the order and plans its shipments. Refusals: not_found; not_confirmable.
func (a *Activities) ConfirmOrder(ctx context.Context, in ConfirmOrder) (Confirmed, error) {
	var out Confirmed
	err := changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "confirm", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		out.Shipments = order.PlanShipments(o, in.Allocations)
		return order.Confirm(o, order.ConfirmOrder{Shipments: out.Shipments, At: in.At})
	})
	if err != nil {
		return Confirmed{}, err
	}
	return out, nil
}
