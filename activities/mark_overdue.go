package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// region step

// MarkOverdue is the input of [Activities.MarkOverdue].
type MarkOverdue struct {
	OrderID    uuid.UUID `json:"order_id"`
	DeadlineAt time.Time `json:"deadline_at"`
}

// MarkOverdue records that no shipment had left at the deadline; it does nothing when one has.
func (a *Activities) MarkOverdue(ctx context.Context, in MarkOverdue) error {
	return changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "overdue", in.OrderID, in.DeadlineAt), func(o order.Order) ([]domain.Event, error) {
		return order.Overdue(o, in.DeadlineAt), nil
	})
}

// endregion
