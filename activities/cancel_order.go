package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// CancelOrder is the input of [Activities.CancelOrder].
type CancelOrder struct {
	OrderID uuid.UUID `json:"order_id"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// CancelOrder records that the order is cancelled. Refusals: not_found; not_cancellable.
func (a *Activities) CancelOrder(ctx context.Context, in CancelOrder) error {
	return changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "cancel", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Cancel(o, order.CancelOrder{Reason: in.Reason, By: in.By, At: in.At})
	})
}
