package api

import (
	"context"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// Who may cancel an order.
const (
	byCustomer = "customer"
	byOperator = "operator"
)

// cancelOrder cancels an order: POST /api/v1/orders/{order_id}/cancel. It answers 200 when everything
// is undone, and 202 when undoing takes longer than a client should wait. It may be repeated.
func (a *API) cancelOrder(ctx context.Context, x *exchange) error {
	id := x.id("order_id")
	x.idempotencyKey() // cancelling twice is cancelling once, with a key or without
	r := workflows.CancelRequest{By: byCustomer}
	err := x.decode(func(d *decoder) {
		d.object(cancelMembers, func(name string) {
			switch name {
			case "reason":
				r.Reason = d.text()
			case "by":
				r.By = d.text()
			}
		})
	})
	if err != nil {
		return err
	}
	x.checkAsker(r.Reason, r.By)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	return a.ask(ctx, x, order.Request{}, func(ctx context.Context) (orderState, error) {
		return a.sagas.CancelOrder(ctx, id, r)
	}, func(s orderState) error {
		if s.Status == order.StatusCancelled {
			return nil
		}
		return refused(codeNotCancellable, s, "order %s is %s: it has left the warehouse", s.OrderNumber, s.Status)
	})
}

var cancelMembers = []member{{"reason", true}, {"by", false}}

// checkAsker notes what is wrong with who asks for something, and why.
func (x *exchange) checkAsker(reason, by string) {
	x.checkText("reason", reason, order.TextLengthMax)
	if by != byCustomer && by != byOperator {
		x.check(domain.Invalid("by", "must be %s or %s, got %q", byCustomer, byOperator, clip(by)))
	}
}
