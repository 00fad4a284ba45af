package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// orderState is where an order stands, as refusals and cancellations tell it.
type orderState = workflows.OrderState

// stateOf returns where an order stands by its events, because a view may lag behind them. While the
// events can't be read, or none is there yet, it is what an order's page would show.
// Errors: not_found.
func (a *API) stateOf(ctx context.Context, id uuid.UUID) (orderState, error) {
	state, _, err := a.foldedState(ctx, id)
	return state, err
}

// foldedState is [API.stateOf] with the order itself, the zero one while its events can't be read.
func (a *API) foldedState(ctx context.Context, id uuid.UUID) (orderState, order.Order, error) {
	o, err := a.history.Order(ctx, id)
	if err == nil {
		return orderState{OrderID: id, OrderNumber: o.Number, Status: o.Status, Reason: o.CancelReason, Shipments: o.Shipments}, o, nil
	}
	state, err := a.viewedState(ctx, id)
	return state, order.Order{}, err
}

// viewedState returns where an order stands by the read model, which costs less than its events.
func (a *API) viewedState(ctx context.Context, id uuid.UUID) (orderState, error) {
	v, err := a.findView(ctx, id)
	if err != nil {
		return orderState{}, err
	}
	return orderState{OrderID: id, OrderNumber: v.OrderNumber, Status: v.Status, Reason: v.CancelReason, Shipments: v.Shipments}, nil
}

// refused is a refusal by an order, with where it stands.
func refused(code domain.ErrorCode, s orderState, format string, args ...any) error {
	p := newProblem(code, fmt.Sprintf(format, args...))
	p.Order = &s
	return p
}

// shipment returns one of an order's shipments. Errors: shipment_not_found.
func shipment(s orderState, id uuid.UUID) (order.Shipment, error) {
	for _, sh := range s.Shipments {
		if sh.ShipmentID == id {
			return sh, nil
		}
	}
	return order.Shipment{}, refused(codeShipmentNotFound, s, "order %s has no shipment %s", s.OrderNumber, id)
}

// notRunning reports whether a saga could not be asked because none is running.
func notRunning(err error) bool { return domain.Code(err) == codeNotFound }

// ask asks something of an order's saga and answers 200 with the order's state after it, or 202 when
// it takes longer than a client should wait. A refusal comes with where the order stands. When the
// saga is over, over says what that means. A request that was carried out before is no refusal, however far the order
// has come since; the zero one is never known.
func (a *API) ask(
	ctx context.Context, x *exchange, request order.Request, do func(context.Context) (orderState, error), over func(orderState) error,
) error {
	wait, cancel := context.WithTimeout(ctx, a.limits.CancelWait)
	defer cancel()
	state, err := do(wait)
	if err == nil {
		return x.json(http.StatusOK, withShipments(state))
	}
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if errors.Is(err, sagaclient.ErrUnavailable) || domain.Code(err) == "" && !late {
		return err // nobody knows whether the saga has heard of it
	}
	state, folded, stateErr := a.foldedState(ctx, x.orderID)
	switch {
	case stateErr != nil:
		return stateErr
	case late:
		x.Writer.Header().Set("Retry-After", "1")
		return x.json(http.StatusAccepted, withShipments(state))
	}
	switch done, err := folded.CarriedOut(request); {
	case err != nil:
		return err
	case done:
		x.Writer.Header().Set("Idempotent-Replayed", "true")
		return x.json(http.StatusOK, withShipments(state))
	}
	if p := asProblem(err); !notRunning(err) {
		if p.Status == http.StatusConflict {
			p.Order = &state
		}
		return p
	}
	if err := over(state); err != nil {
		return err
	}
	return x.json(http.StatusOK, withShipments(state))
}

// withShipments makes an empty list of no shipments.
func withShipments(s orderState) *orderState {
	if s.Shipments == nil {
		s.Shipments = []order.Shipment{}
	}
	return &s
}
