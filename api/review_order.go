package api

import (
	"context"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// review is the body of POST /api/v1/orders/{order_id}/approve and reject.
type review struct {
	By string `json:"by"`
}

// approveOrder lets an order go on that was held for a review: POST /api/v1/orders/{order_id}/approve.
func (a *API) approveOrder(ctx context.Context, x *httpx.Exchange, r *review) error {
	return a.reviewOrder(ctx, x, r, true)
}

// rejectOrder cancels an order that was held for a review: POST /api/v1/orders/{order_id}/reject.
func (a *API) rejectOrder(ctx context.Context, x *httpx.Exchange, r *review) error {
	return a.reviewOrder(ctx, x, r, false)
}

// reviewOrder tells the saga what a person has decided. It may be repeated, with a key or without: an order is reviewed
// once. Another decision, or that of another person, is refused.
func (a *API) reviewOrder(ctx context.Context, x *httpx.Exchange, r *review, approve bool) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	var err error
	if r.By, err = decider(x, r.By); err == nil {
		err = order.CheckReviewer(r.By)
	}
	if err != nil {
		return err
	}
	return a.changeOrder(ctx, x, change{
		askSaga: func(ctx context.Context) (orderState, error) {
			return a.sagas.ReviewOrder(ctx, id, approve, workflows.ReviewRequest{By: r.By})
		},
		decide: func(o order.Order) ([]domain.Event, error) {
			return order.Review(o, order.ReviewOrder{By: r.By, Approve: approve})
		},
	})
}
