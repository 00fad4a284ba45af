package api

import (
	"context"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// approveOrder lets an order go on that was held for a review: POST /api/v1/orders/{order_id}/approve.
func (a *API) approveOrder(ctx context.Context, x *exchange) error {
	return a.reviewOrder(ctx, x, true)
}

// rejectOrder cancels an order that was held for a review: POST /api/v1/orders/{order_id}/reject.
func (a *API) rejectOrder(ctx context.Context, x *exchange) error {
	return a.reviewOrder(ctx, x, false)
}

func (a *API) reviewOrder(ctx context.Context, x *exchange, approve bool) error {
	id := x.id("order_id")
	x.idempotencyKey() // a review is made once, with a key or without
	var by string
	err := x.decode(func(d *decoder) {
		d.object(reviewMembers, func(name string) { by = d.text() })
	})
	if err != nil {
		return err
	}
	if p := idProblem(by, order.IDLengthMax); p != "" {
		x.check(domain.Invalid("by", "%s", p))
	}
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	return a.ask(ctx, x, order.Request{}, func(ctx context.Context) (orderState, error) {
		return a.sagas.ReviewOrder(ctx, id, approve, workflows.ReviewRequest{By: by})
	}, func(s orderState) error {
		return refused(codeNotHeld, s, "order %s is %s and waits for no review", s.OrderNumber, s.Status)
	})
}

var reviewMembers = []member{{"by", true}}
