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

// ApproveOrder records that a held order goes on. Refusals: not_found; not_held; already_reviewed.
func (a *Activities) ApproveOrder(ctx context.Context, in ApproveOrder) (Changed, error) {
	return a.changeOrder(ctx, in.OrderID, asked(ctx, "approve", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Review(o, order.ReviewOrder{By: in.By, Approve: true, At: in.At})
	})
}
