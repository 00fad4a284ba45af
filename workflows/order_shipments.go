package workflows

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// changeShipments carries out the oldest request about shipments. It returns an error that is no refusal.
func (s *orderSaga) changeShipments(ctx workflow.Context, r *queued) error {
	replayed, err := r.kind.carryOut(r.asks(ctx), r.Body)
	r.replayed = replayed
	if temporal.IsCanceledError(err) && s.cancelRequest != nil {
		err = s.refusal(domain.Refuse(canceledCode(r.kind), "order %s is being cancelled", s.state.OrderNumber))
	}
	s.lookAfter(err)
	s.finish(ctx, r, err)
	if refusalCode(err) == "" {
		return err
	}
	return nil
}

// canceledCode is the code of a request that the cancellation of the order has ended.
func canceledCode(kind *requestKind) domain.ErrorCode {
	if kind.name == EditOrder {
		return order.CodeNotEditable
	}
	return order.CodeNotDispatchable
}

// CodeAlreadyReported refuses a report of a shipment that has come as far before.
const CodeAlreadyReported domain.ErrorCode = "already_reported"

// validateDispatchShipment refuses what can't be done, before anything is written to the history.
func (s *orderSaga) validateDispatchShipment(d Dispatch) error {
	if err := order.CheckDispatch(d.Carrier, d.TrackingNumber); err != nil {
		return activities.Refusal(err)
	}
	if err := order.CanDispatch(s.order(), d.ShipmentID); err != nil {
		return s.refusal(err)
	}
	if shipment := s.shipment(d.ShipmentID); shipment.Status.Left() {
		return s.alreadyReported(shipment)
	}
	return nil
}

// validateEndShipment is [orderSaga.validateDispatchShipment] for the end of a shipment.
func (s *orderSaga) validateEndShipment(r ShipmentReport) error {
	if err := order.CanEndShipment(s.order(), r.ShipmentID); err != nil {
		return s.refusal(err)
	}
	if shipment := s.shipment(r.ShipmentID); shipment.Status.Ended() {
		return s.alreadyReported(shipment)
	}
	return nil
}

// alreadyReported tells that there is nothing to do. It is a refusal so that reports which are repeated without end
// leave nothing in the history.
func (s *orderSaga) alreadyReported(shipment order.Shipment) error {
	return s.refusal(domain.Refuse(CodeAlreadyReported, "shipment %s is %s already", shipment.ShipmentID, shipment.Status))
}

// dispatchShipment captures the shipment's money and lets it go: nothing leaves unpaid.
//
// While it waits, for an outage or the customer's bank, a request to cancel the order ends it. That holds as long as no
// other shipment has left.
func (s *orderSaga) dispatchShipment(ctx workflow.Context, d Dispatch) error {
	if err := order.CanDispatch(s.order(), d.ShipmentID); err != nil {
		return s.refusal(err)
	}
	if s.shipment(d.ShipmentID).Status.Left() {
		return nil
	}
	if err := order.CheckDispatch(d.Carrier, d.TrackingNumber); err != nil {
		return activities.Refusal(err)
	}
	moved, err := s.payAndDispatch(ctx, d)
	if err != nil {
		return err
	}
	if err := s.adoptMoved(ctx, moved); err != nil {
		return err
	}
	return s.settleCaptures(ctx, moved, "what was captured in excess")
}

// payAndDispatch captures and dispatches, and authorises the payment anew before where it has expired.
func (s *orderSaga) payAndDispatch(ctx workflow.Context, d Dispatch) (activities.Moved, error) {
	ctx, s.stopDispatch = workflow.WithCancel(ctx)
	defer func() { s.stopDispatch = nil }()
	moved, err := s.captureAndDispatch(ctx, d)
	if refusalCode(err) != payment.CodeAuthorizationExpired {
		return moved, err
	}
	// What the other planned shipments cost is authorised with it.
	if _, err = s.securePayment(ctx, s.plannedAmount(), nil); err != nil {
		if refusalCode(err) == "" && ctx.Err() == nil {
			err = refuseOrder(order.ReasonSystemError, "the execution that waited for the payment was ended")
		}
		return moved, err
	}
	return s.captureAndDispatch(ctx, d)
}

func (s *orderSaga) captureAndDispatch(ctx workflow.Context, d Dispatch) (activities.Moved, error) {
	var a *activities.Activities
	o := s.order()
	o.Terms.ShippingByValue = s.in.ShippingByValue
	shipment, _ := o.Leaving(d.ShipmentID)
	in := activities.DispatchShipment{
		OrderID: s.in.OrderID, ShipmentID: shipment.ShipmentID, Carrier: d.Carrier, TrackingNumber: d.TrackingNumber, After: d.After,
		Location: shipment.Location, At: now(ctx),
	}
	if !shipment.Digital() {
		in.SKUs = shipment.SKUs()
	}
	return runStep(ctx, "Capture "+shipment.Amount.String()+" and dispatch from "+placeOf(shipment), a.DispatchShipment, in)
}

// placeOf says for people where a shipment leaves from.
func placeOf(shipment order.Shipment) string { return cmp.Or(shipment.Location, "no location") }

// adoptMoved takes over what a step about the shipments has answered: the order as its events tell it.
func (s *orderSaga) adoptMoved(ctx workflow.Context, moved activities.Moved) error {
	s.state.Shipments = moved.Shipments
	if s.confirmed() && s.required() != nil && !s.hasPlanned() {
		s.state.Payment = nil // nothing is missing any more
	}
	if s.confirmed() && !s.hasPlanned() {
		s.leaveBank()
	}
	if !moved.Status.Ended() {
		s.setWaitingForShipments(ctx)
	}
	switch {
	case moved.Status == s.state.Status && moved.Status.Ended():
		return nil
	case moved.Status == s.state.Status:
		return s.setMark(ctx, s.markUnderWay())
	}
	s.state.Reason, s.state.CancelledBy, s.state.RejectedBy = moved.Reason, moved.CancelledBy, moved.RejectedBy
	return s.setStatus(ctx, moved.Status)
}

// plannedAmount is what is still to be captured: what the shipments cost that have not left, and what of the others
// joins them.
func (s *orderSaga) plannedAmount() money.Money {
	amount := s.open
	for _, shipment := range s.state.Shipments {
		if shipment.Status == order.ShipmentStatusPlanned {
			amount = amount.Add(shipment.Amount)
		}
	}
	return amount
}

func (s *orderSaga) deliverShipment(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	return s.endShipment(ctx, r, "Deliver from ", a.DeliverShipment)
}

// loseShipment records a lost shipment and refunds it.
func (s *orderSaga) loseShipment(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	return s.endShipment(ctx, r, "Record a lost shipment from ", a.LoseShipment)
}

// refuseShipment records a shipment that came back, takes its goods into the stock and refunds it.
func (s *orderSaga) refuseShipment(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	return s.endShipment(ctx, r, "Take back a shipment to ", a.RefuseShipment)
}

// endShipment records the end of a shipment, moves the order on, and refunds the shipment if the events say that it was
// lost or refused.
func (s *orderSaga) endShipment(
	ctx workflow.Context, r ShipmentReport, summary string,
	activity func(context.Context, activities.EndShipment) (activities.Ended, error),
) error {
	if err := order.CanEndShipment(s.order(), r.ShipmentID); err != nil {
		return s.refusal(err)
	}
	shipment := s.shipment(r.ShipmentID)
	if shipment.Status.Ended() {
		return nil
	}
	ended, err := runStep(ctx, summary+placeOf(shipment), activity, activities.EndShipment{
		OrderID: s.in.OrderID, ShipmentID: shipment.ShipmentID, At: now(ctx),
	})
	if err != nil {
		return err
	}
	signalServed(ctx, ended.Served)
	if err := s.adoptMoved(ctx, ended.Moved); err != nil {
		return err
	}
	if !s.shipment(r.ShipmentID).NeverArrived() {
		return nil
	}
	return s.settleCaptures(ctx, ended.Moved, shipment.Amount.String())
}

// shipment returns a copy of a shipment that the order has; an empty one when it has none with this id.
func (s *orderSaga) shipment(id uuid.UUID) order.Shipment {
	shipment, _ := s.order().Shipment(id)
	return shipment
}
