package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// orderState is where an order stands, as refusals and cancellations tell it.
type orderState = workflows.OrderState

// order returns an order by its events, because a view may lag behind them. While the events can't be read, or
// none is there yet, it is what an order's page would show. Errors: not_found.
func (a *API) order(ctx context.Context, id uuid.UUID) (order.Order, error) {
	o, err := a.history.Order(ctx, id)
	if err == nil {
		return o, nil
	}
	v, err := a.findView(ctx, id)
	if err != nil {
		return order.Order{}, err
	}
	return order.Order{
		ID: id, Number: v.OrderNumber, CustomerID: v.CustomerID, Status: v.Status, Items: v.Items, Total: v.Total,
		ShipToCountry: v.ShipToCountry, Shipments: v.Shipments, CancelReason: v.CancelReason, Held: v.Held,
	}, nil
}

func stateOf(o order.Order) *orderState {
	return withShipments(orderState{OrderID: o.ID, OrderNumber: o.Number, Status: o.Status, Reason: o.CancelReason, Shipments: o.Shipments})
}

// withShipments makes an empty list of no shipments.
func withShipments(s orderState) *orderState {
	if s.Shipments == nil {
		s.Shipments = []order.Shipment{}
	}
	return &s
}

// refusedBy is the problem of an order that refuses something; a conflict comes with where the order stands.
func refusedBy(o order.Order, err error) error {
	p := asProblem(err)
	if p.Status == http.StatusConflict || p.Code == order.CodeShipmentNotFound {
		return p.Extend("order", stateOf(o))
	}
	return p
}

// withState adds to a refusal where the order stands that refused.
func (a *API) withState(ctx context.Context, x *httpx.Exchange, err error) error {
	p := asProblem(err)
	switch p.Status {
	case http.StatusConflict:
		if o, orderErr := a.order(ctx, x.Subject()); orderErr == nil {
			return p.Extend("order", stateOf(o))
		}
	case http.StatusNotFound:
		return orderNotFound(x.Subject())
	}
	return p
}

// notRunning reports whether a saga could not be asked because none is running.
func notRunning(err error) bool { return domain.Code(err) == domain.CodeNotFound }

// noSaga is the problem of an order that could do what is asked, while no saga is there to do it.
func noSaga() error {
	return httpx.NewProblem(httpx.KindUnavailable, "the order can't be told for the moment")
}

// change is something that an order's saga is asked to do.
type change struct {
	// request tells the change when it comes again; the zero one is never known.
	request order.Request
	// askSaga asks the saga. Its context ends when the client has waited long enough.
	askSaga func(context.Context) (orderState, error)
	// can is the domain's rule, for an order whose saga is over.
	can func(order.Order) error
}

// changeOrder asks an order's saga for a change. It answers 200 with the order's state after it, or 202 when that
// takes longer than a client should wait. A refusal comes with where the order stands.
//
// A change that was carried out before is no refusal, however far the order has come since.
func (a *API) changeOrder(ctx context.Context, x *httpx.Exchange, c change) error {
	wait, cancel := context.WithTimeout(ctx, a.limits.CancelWait)
	defer cancel()
	state, err := c.askSaga(wait)
	if err == nil {
		return x.JSON(http.StatusOK, withShipments(state))
	}
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if errors.Is(err, sagaclient.ErrUnavailable) || domain.Code(err) == "" && !late {
		return err // it is not known whether the saga has the request
	}
	o, orderErr := a.order(ctx, x.Subject())
	switch {
	case orderErr != nil:
		return orderErr
	case late:
		x.Writer.Header().Set("Retry-After", "1")
		return x.JSON(http.StatusAccepted, stateOf(o))
	}
	done, requestErr := o.CarriedOut(c.request)
	switch {
	case requestErr != nil:
		return requestErr
	case done:
		x.Writer.Header().Set("Idempotent-Replayed", "true")
		return x.JSON(http.StatusOK, stateOf(o))
	case !notRunning(err):
		return refusedBy(o, err)
	}
	if err := c.can(o); err != nil {
		return refusedBy(o, err)
	}
	if o.Status == order.StatusCancelled {
		return x.JSON(http.StatusOK, stateOf(o)) // all that is possible for it is to cancel it again
	}
	return noSaga()
}
