package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// dispatchShipment reports that a parcel was handed to the carrier:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/dispatch. It may be repeated.
func (a *API) dispatchShipment(ctx context.Context, x *exchange) error {
	orderID, shipmentID := x.id("order_id"), x.id("shipment_id")
	x.idempotencyKey() // a parcel leaves once, with a key or without
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
	return a.ship(ctx, x, shipmentID, order.ShipmentInTransit, mayDispatch, func() error {
		return a.sagas.DispatchShipment(ctx, orderID, r)
	})
}

// Some goods leave without a carrier.
var dispatchMembers = []member{{"carrier", false}, {"tracking_number", false}}

// mayDispatch says whether a parcel may leave, as [order.Dispatch] decides it.
func mayDispatch(s orderState, id uuid.UUID) (order.ShipmentStatus, error) {
	parcel, err := shipment(s, id)
	switch {
	case err == nil && parcel.Status != order.ShipmentPlanned && parcel.Status != order.ShipmentEmpty:
		return parcel.Status, nil
	case s.Status == order.StatusCreated || s.Status == order.StatusCancelled:
		return "", refused(codeNotDispatchable, s, "order %s is %s", s.OrderNumber, s.Status)
	case err == nil && parcel.Status == order.ShipmentEmpty:
		return "", refused(codeNotDispatchable, s, "everything in shipment %s was cancelled", id)
	}
	return parcel.Status, err
}

// mayShip says in which state a parcel is, or why nothing can happen to it.
type mayShip func(s orderState, shipmentID uuid.UUID) (order.ShipmentStatus, error)

// ship reports to an order's saga what happened to a parcel, if that could happen and has not
// happened before. The saga hears of it by a signal, so the answer is 202: it is recorded a moment
// later.
func (a *API) ship(
	ctx context.Context, x *exchange, shipmentID uuid.UUID, to order.ShipmentStatus, may mayShip, report func() error,
) error {
	state, err := a.viewedState(ctx, x.orderID)
	if err != nil {
		return err
	}
	status, err := may(state, shipmentID)
	if err != nil {
		// The view may lag behind the events, though it never leads.
		if status, err = a.mayShipByEvents(ctx, x, shipmentID, may); err != nil {
			return err
		}
	}
	if reached(status, to) {
		return x.shipped(shipmentID, status)
	}
	if err = report(); notRunning(err) {
		// The saga has ended since the view was made.
		if status, err = a.mayShipByEvents(ctx, x, shipmentID, may); err == nil && !reached(status, to) {
			err = newProblem(codeUnavailable, "the order can't be told for the moment")
		}
		to = status
	}
	if err != nil {
		return err
	}
	return x.shipped(shipmentID, to)
}

func (a *API) mayShipByEvents(ctx context.Context, x *exchange, shipmentID uuid.UUID, may mayShip) (order.ShipmentStatus, error) {
	state, err := a.stateOf(ctx, x.orderID)
	if err != nil {
		return "", err
	}
	return may(state, shipmentID)
}

// reached reports whether a parcel has come as far as it should.
func reached(status, to order.ShipmentStatus) bool { return status == to || status.Ended() }

func (x *exchange) shipped(shipmentID uuid.UUID, status order.ShipmentStatus) error {
	return x.json(http.StatusAccepted, shipmentBody{OrderID: x.orderID, ShipmentID: shipmentID, Status: status})
}

// shipmentBody is where a parcel is.
type shipmentBody struct {
	OrderID    uuid.UUID            `json:"order_id"`
	ShipmentID uuid.UUID            `json:"shipment_id"`
	Status     order.ShipmentStatus `json:"status"`
}
