package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// ApproveOrder is the input of [Activities.ApproveOrder].
type ApproveOrder struct {
	OrderID uuid.UUID `json:"order_id"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// ApproveOrder records that a held order goes on. Refusals: not_found; not_approvable.
func (a *Activities) ApproveOrder(ctx context.Context, in ApproveOrder) error {
	return changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "approve", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Approve(o, order.ApproveOrder{By: in.By, At: in.At})
	})
}
