package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// dispatchShipment reports that a shipment was handed to the carrier:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/dispatch. It may be repeated.
func (a *API) dispatchShipment(ctx context.Context, x *exchange) error {
	orderID, shipmentID := x.id("order_id"), x.id("shipment_id")
	x.idempotencyKey() // a shipment leaves once, with a key or without
	r := workflows.Dispatch{ShipmentID: shipmentID}
	err := x.decode(func(d *decoder) {
		d.object(dispatchMembers, func(name string) {
			switch name {
			case "carrier":
				r.Carrier = d.text()
			case "tracking_number":
				r.TrackingNumber = d.text()
			}
		})
	})
	if err != nil {
		return err
	}
	x.check(order.CheckDispatch(r.Carrier, r.TrackingNumber))
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = orderID
	return a.ship(ctx, x, shipmentID, order.ShipmentStatusDispatched, mayDispatch, workflows.News{Name: workflows.ShipmentDispatched, Report: r})
}

// Some goods leave without a carrier.
var dispatchMembers = []member{{"carrier", false}, {"tracking_number", false}}

// mayDispatch says whether a shipment may leave, as [order.Dispatch] decides it.
func mayDispatch(s orderState, id uuid.UUID) (order.ShipmentStatus, error) {
	shipment, err := shipment(s, id)
	switch {
	case err == nil && shipment.Status != order.ShipmentStatusPlanned && shipment.Status != order.ShipmentStatusCancelled:
		return shipment.Status, nil
	case s.Status == order.StatusCreated || s.Status == order.StatusCancelled:
		return "", refused(codeNotDispatchable, s, "order %s is %s", s.OrderNumber, s.Status)
	case err == nil && shipment.Status == order.ShipmentStatusCancelled:
		return "", refused(codeNotDispatchable, s, "everything in shipment %s was cancelled", id)
	}
	return shipment.Status, err
}

// mayShip says in which state a shipment is, or why nothing can happen to it.
type mayShip func(s orderState, shipmentID uuid.UUID) (order.ShipmentStatus, error)

// ship reports to an order's saga what became of a shipment, and answers 200 when that is carried out: for a
// dispatch, when its money is taken as well. When the saga can't answer in time, or says that it can't
// have happened, the events say whether it has or can; then it is left for the saga to carry out, and
// the answer is 202.
func (a *API) ship(ctx context.Context, x *exchange, shipmentID uuid.UUID, to order.ShipmentStatus, may mayShip, news workflows.News) error {
	wait, cancel := context.WithTimeout(ctx, a.limits.ReportWait)
	defer cancel()
	state, err := a.sagas.ReportShipment(wait, x.orderID, news)
	switch {
	case err == nil:
		shipment, err := shipment(state, shipmentID)
		if err != nil {
			return err
		}
		return x.shipped(http.StatusOK, shipmentID, shipment.Status)
	case ctx.Err() != nil || !worthAskingTheEvents(err):
		return a.refusedBySaga(ctx, x, err)
	}
	if state, err = a.stateOf(ctx, x.orderID); err != nil {
		return err
	}
	status, err := may(state, shipmentID)
	if err != nil {
		return err
	}
	if reached(status, to) {
		return x.shipped(http.StatusOK, shipmentID, status)
	}
	err = a.sagas.LeaveNews(ctx, x.orderID, news)
	if notRunning(err) {
		err = newProblem(codeUnavailable, "the order can't be told for the moment")
	}
	if err != nil {
		return err
	}
	return x.shipped(http.StatusAccepted, shipmentID, status)
}

// worthAskingTheEvents reports whether a saga's answer to a report leaves open what the events know: it had
// no answer, or spoke from its state.
func worthAskingTheEvents(err error) bool {
	switch domain.Code(err) {
	case "":
		return errors.Is(err, sagaclient.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
	case codeNotFound, codeShipmentNotFound, codeNotDispatchable, codeNotDeliverable, workflows.CodeAlreadyReported:
		return true
	}
	return false
}

// refusedBySaga is a refusal, with where the order stands.
func (a *API) refusedBySaga(ctx context.Context, x *exchange, err error) error {
	if p := asProblem(err); p.Status == http.StatusConflict {
		if state, stateErr := a.stateOf(ctx, x.orderID); stateErr == nil {
			p.Order = &state
		}
		return p
	}
	return err
}

// reached reports whether a shipment has come as far as it should.
func reached(status, to order.ShipmentStatus) bool { return status == to || status.Ended() }

func (x *exchange) shipped(code int, shipmentID uuid.UUID, status order.ShipmentStatus) error {
	return x.json(code, shipmentBody{OrderID: x.orderID, ShipmentID: shipmentID, Status: status})
}

// shipmentBody is where a shipment is.
type shipmentBody struct {
	OrderID    uuid.UUID            `json:"order_id"`
	ShipmentID uuid.UUID            `json:"shipment_id"`
	Status     order.ShipmentStatus `json:"status"`
}
