package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
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
		ShippingLines: v.ShippingLines, Discounts: v.Discounts, Rounding: v.Rounding, References: v.References,
		ShipToCountry: v.ShipToCountry, Shipments: v.Shipments, Held: v.Held, DeliveredAt: deliveredAt(v),
		CancelReason: v.CancelReason, CancelledBy: v.CancelledBy, ApprovedBy: v.ApprovedBy, RejectedBy: v.RejectedBy,
	}, nil
}

func deliveredAt(v readmodel.OrderView) (at time.Time) {
	if v.DeliveredAt != nil {
		at = *v.DeliveredAt
	}
	return at
}

func stateOf(o order.Order) *orderState {
	return shownState(orderState{
		OrderID: o.ID, OrderNumber: o.Number, Status: o.Status, Reason: o.CancelReason, CancelledBy: o.CancelledBy,
		ApprovedBy: o.ApprovedBy, RejectedBy: o.RejectedBy, Shipments: o.Shipments,
	})
}

// shownState is a saga's answer as the API shows it: an empty list stands for no shipments, and what a header tells is
// left out.
func shownState(s orderState) *orderState {
	s.Replayed, s.Answers, s.Payment = false, "", nil
	if s.Shipments == nil {
		s.Shipments = []order.Shipment{}
	}
	return &s
}

// refusedBy is the problem of an order that refuses something; a conflict comes with where the order stands. So does a
// key that belongs to another request.
func refusedBy(o order.Order, err error) error {
	p := asProblem(err)
	switch {
	case p.Status == http.StatusConflict, p.Status == http.StatusPreconditionFailed, p.Code == order.CodeShipmentNotFound,
		p.Code == domain.CodeIdempotencyKeyReused:
		return p.Extend("order", stateOf(o))
	}
	return p
}

// withState adds to a refusal where the order stands that refused.
func (a *API) withState(ctx context.Context, x *httpx.Exchange, err error) error {
	p := asProblem(err)
	switch {
	case p.Status == http.StatusConflict, p.Status == http.StatusPreconditionFailed, p.Code == domain.CodeIdempotencyKeyReused:
		if o, orderErr := a.order(ctx, x.Subject()); orderErr == nil {
			return p.Extend("order", stateOf(o))
		}
	case p.Status == http.StatusNotFound:
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

// tellsWhatStands reports whether a refusal says that something else was done before.
func tellsWhatStands(refusal error) bool {
	switch domain.Code(refusal) {
	case domain.CodeIdempotencyKeyReused, order.CodeAlreadyCancelled, order.CodeAlreadyReviewed:
		return true
	}
	return false
}

// change is something that an order's saga is asked to do.
type change struct {
	// askSaga asks the saga. Its context ends when the client has waited long enough.
	askSaga func(context.Context) (orderState, error)
	// decide is the domain's rule. No events and no error mean that the order has done what is asked before.
	decide func(order.Order) ([]domain.Event, error)
	// tellsSettled adds to the answer whether the order is finished, its money included.
	tellsSettled bool
}

// settledState is where an order stands, and whether it is finished, its money included.
type settledState struct {
	*orderState
	// Settled is left out while the events can't be read.
	Settled *bool `json:"settled,omitempty"`
}

// tell answers with where an order stands after a change.
func (a *API) tell(ctx context.Context, x *httpx.Exchange, c change, status int, s *orderState) error {
	if !c.tellsSettled {
		return x.JSON(status, s)
	}
	body := settledState{orderState: s}
	if o, err := a.history.Order(ctx, x.Subject()); err == nil {
		if p, err := a.history.Payment(ctx, x.Subject()); err == nil {
			body.Settled = new(attention.Settled(o, p))
		}
	}
	return x.JSON(status, body)
}

// changeOrder asks an order's saga for a change. It answers 200 with the order's state after it, or 202 when that
// takes longer than a client should wait. A refusal comes with where the order stands.
//
// When the saga refuses or takes long, the events are asked whether something stands against the change, or whether it
// was carried out before. That is no refusal, however far the order has come since: the answer says so in
// Idempotent-Replayed. What the events refuse is refused at once, and by the saga later. An order that is not confirmed
// yet may still come to allow it.
func (a *API) changeOrder(ctx context.Context, x *httpx.Exchange, c change) error {
	wait, cancel := context.WithTimeout(ctx, a.limits.CancelWait)
	defer cancel()
	state, err := c.askSaga(wait)
	if err == nil && !state.UnderWay && !state.Replayed {
		return a.tell(ctx, x, c, http.StatusOK, shownState(state))
	}
	late := state.UnderWay || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if errors.Is(err, sagaclient.ErrUnavailable) || err != nil && domain.Code(err) == "" && !late {
		return err // it is not known whether the saga has the request
	}
	o, orderErr := a.order(ctx, x.Subject())
	if orderErr != nil {
		return orderErr
	}
	events, refusal := c.decide(o)
	final := refusal != nil && o.Status != order.StatusCreated
	switch {
	case state.Replayed || !late && refusal == nil && len(events) == 0:
		replay(x, true)
		return a.tell(ctx, x, c, http.StatusOK, stateOf(o))
	case tellsWhatStands(refusal), late && final, refusal != nil && notRunning(err):
		return refusedBy(o, refusal)
	case late:
		x.Writer.Header().Set("Retry-After", "1")
		return a.tell(ctx, x, c, http.StatusAccepted, stateOf(o))
	case !notRunning(err):
		return refusedBy(o, err)
	}
	return noSaga()
}
