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
	// RejectedBy is who has reviewed the order and rejected it; Reason and By follow from that.
	RejectedBy string    `json:"rejected_by,omitempty"`
	At         time.Time `json:"at"`
}

// CancelOrder records that the order is cancelled, and answers with the order as it is then. Of an order that was
// cancelled before, for whatever reason, it tells how. Refusals: not_found; not_cancellable; not_held and
// already_reviewed for a rejection.
func (a *Activities) CancelOrder(ctx context.Context, in CancelOrder) (Moved, error) {
	var out Moved
	err := changeAggregate(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "cancel", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		events, err := in.decide(o)
		out = moved(o, events)
		return events, err
	})
	if err != nil {
		return Moved{}, err
	}
	return out, nil
}

func (in CancelOrder) decide(o order.Order) ([]domain.Event, error) {
	switch {
	case o.Status == order.StatusCancelled:
		return nil, nil
	case in.RejectedBy != "":
		return order.Review(o, order.ReviewOrder{By: in.RejectedBy, At: in.At})
	}
	return order.Cancel(o, order.CancelOrder{Reason: in.Reason, By: in.By, At: in.At})
}
