package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// dispatch is the body of POST /api/v1/orders/{order_id}/shipments/{shipment_id}/dispatch. Some goods leave without
// a carrier.
type dispatch struct {
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"tracking_number"`
}

// dispatchShipment reports that a shipment was handed to the carrier:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/dispatch. It may be repeated, with a key or without: a
// shipment leaves once.
func (a *API) dispatchShipment(ctx context.Context, x *httpx.Exchange, r *dispatch) error {
	id := x.UUID("shipment_id")
	return a.reportShipment(ctx, x, report{
		update: workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: workflows.Dispatch{
			ShipmentID: id, Carrier: r.Carrier, TrackingNumber: r.TrackingNumber,
		}},
		decide: func(o order.Order) ([]domain.Event, error) {
			return order.Dispatch(o, order.DispatchShipment{ShipmentID: id, Carrier: r.Carrier, TrackingNumber: r.TrackingNumber})
		},
	})
}

// report is what a warehouse or a carrier says of a shipment.
type report struct {
	update workflows.ShipmentUpdate
	// decide is the domain's rule. No events and no error mean that the shipment has come that far before.
	decide func(order.Order) ([]domain.Event, error)
}

// reportShipment reports to an order's saga what became of a shipment. It answers 200 when that is carried out: for a
// dispatch, when its money is taken as well.
//
// When the saga can't answer in time, or says that it can't have happened, the domain decides on the events whether
// it has or can. If it can, the report is left for the saga to carry out, and the answer is 202.
func (a *API) reportShipment(ctx context.Context, x *httpx.Exchange, r report) error {
	orderID, shipmentID := x.UUID("order_id"), x.UUID("shipment_id")
	x.About("order_id", orderID)
	wait, cancel := context.WithTimeout(ctx, a.limits.ReportWait)
	defer cancel()
	state, err := a.sagas.ReportShipment(wait, orderID, r.update)
	switch {
	case err == nil && !state.UnderWay && !state.Replayed:
		shipment, known := state.Order().Shipment(shipmentID)
		if !known {
			return errors.New("the saga's state lacks the shipment that it was told about")
		}
		return shipmentMoved(x, http.StatusOK, shipmentID, shipment.Status)
	case err != nil && (ctx.Err() != nil || !eventsMayKnow(err)):
		return a.withState(ctx, x, err)
	}
	o, orderErr := a.order(ctx, orderID)
	if orderErr != nil {
		return orderErr
	}
	events, refusal := r.decide(o)
	shipment, _ := o.Shipment(shipmentID)
	silent := err != nil && domain.Code(err) == ""
	switch planned := shipment.Status == order.ShipmentStatusPlanned; {
	case refusal == nil:
	case !planned || domain.Code(refusal) != order.CodeNotDeliverable || !silent && !state.UnderWay:
		return refusedBy(o, refusal)
	case silent: // a dispatch may be accepted that no event tells of yet
		return a.withState(ctx, x, err)
	default: // it waits for such a dispatch
		return shipmentMoved(x, http.StatusAccepted, shipmentID, shipment.Status)
	}
	if len(events) == 0 {
		replay(x, true)
		return shipmentMoved(x, http.StatusOK, shipmentID, shipment.Status)
	}
	if !state.UnderWay && precondition.From(ctx) != "" {
		return noSaga() // a report that is left for the saga has no precondition
	}
	if !state.UnderWay {
		err = a.sagas.SignalShipmentReport(ctx, orderID, r.update)
	}
	if notRunning(err) {
		return noSaga()
	}
	if err != nil {
		return err
	}
	return shipmentMoved(x, http.StatusAccepted, shipmentID, shipment.Status)
}

// eventsMayKnow reports whether a saga's answer to a report leaves open what the events know: it had no answer, or
// spoke from its state.
func eventsMayKnow(err error) bool {
	switch domain.Code(err) {
	case "":
		return errors.Is(err, sagaclient.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
	case domain.CodeNotFound, order.CodeShipmentNotFound, order.CodeNotDispatchable, order.CodeNotDeliverable, workflows.CodeAlreadyReported:
		return true
	}
	return false
}

func shipmentMoved(x *httpx.Exchange, code int, shipmentID uuid.UUID, status order.ShipmentStatus) error {
	return x.JSON(code, shipmentBody{OrderID: x.Subject(), ShipmentID: shipmentID, Status: status})
}

// shipmentBody is where a shipment is.
type shipmentBody struct {
	OrderID    uuid.UUID            `json:"order_id"`
	ShipmentID uuid.UUID            `json:"shipment_id"`
	Status     order.ShipmentStatus `json:"status"`
}
