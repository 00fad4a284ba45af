package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
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
	x.checkText("reason", r.Reason, order.TextLengthMax)
	if r.By != byCustomer && r.By != byOperator {
		x.check(domain.Invalid("by", "must be %s or %s, got %q", byCustomer, byOperator, clip(r.By)))
	}
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	wait, cancel := context.WithTimeout(ctx, a.limits.CancelWait)
	defer cancel()
	state, err := a.sagas.CancelOrder(wait, id, r)
	switch {
	case err == nil:
		return x.json(http.StatusOK, withShipments(state))
	case notRunning(err):
		return a.cancelClosed(ctx, x, id)
	case domain.Code(err) == codeNotCancellable:
		return a.notCancellable(ctx, id)
	case errors.Is(err, workflows.ErrUnavailable):
		return err // nobody knows whether the saga heard of it
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		if state, err = a.stateOf(ctx, id); err != nil {
			return err
		}
		x.Writer.Header().Set("Retry-After", "1")
		return x.json(http.StatusAccepted, withShipments(state))
	}
	return err
}

var cancelMembers = []member{{"reason", true}, {"by", false}}

// cancelClosed answers for an order whose saga is over: it is cancelled, or it has arrived.
func (a *API) cancelClosed(ctx context.Context, x *exchange, id uuid.UUID) error {
	state, err := a.stateOf(ctx, id)
	switch {
	case err != nil:
		return err
	case state.Status == order.StatusCancelled:
		return x.json(http.StatusOK, withShipments(state))
	}
	return refused(codeNotCancellable, state, "order %s is %s", state.OrderNumber, state.Status)
}

func (a *API) notCancellable(ctx context.Context, id uuid.UUID) error {
	state, err := a.stateOf(ctx, id)
	if err != nil {
		return err
	}
	return refused(codeNotCancellable, state, "order %s is %s: it has left the warehouse", state.OrderNumber, state.Status)
}

// withShipments makes an empty list of no shipments.
func withShipments(s orderState) *orderState {
	if s.Shipments == nil {
		s.Shipments = []order.Shipment{}
	}
	return &s
}
