package workflows

import (
	"context"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

// parcelEnds are the carrier's reports of how parcels ended, one signal for each kind of end.
type parcelEnds []parcelEnd

type parcelEnd struct {
	reports workflow.ReceiveChannel
	handle  func(workflow.Context, ShipmentReport) error
}

func (s *orderSaga) parcelEnds(ctx workflow.Context) parcelEnds {
	return parcelEnds{
		{workflow.GetSignalChannel(ctx, ShipmentDelivered), s.deliver},
		{workflow.GetSignalChannel(ctx, ShipmentLost), s.lose},
		{workflow.GetSignalChannel(ctx, ShipmentRefused), s.takeRefused},
	}
}

func (ends parcelEnds) waiting() bool {
	for _, e := range ends {
		if e.reports.Len() > 0 {
			return true
		}
	}
	return false
}

// next handles one report.
func (ends parcelEnds) next(ctx workflow.Context) error {
	for _, e := range ends {
		var r ShipmentReport
		if e.reports.ReceiveAsync(&r) {
			return e.handle(ctx, r)
		}
	}
	return nil
}

func (s *orderSaga) deliver(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	_, err := s.endParcel(ctx, r, order.ShipmentAtCustomer, "Deliver from ", a.DeliverShipment)
	return err
}

// lose records a lost parcel and gives its money back.
func (s *orderSaga) lose(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	parcel, err := s.endParcel(ctx, r, order.ShipmentGone, "Record a lost parcel from ", a.LoseShipment)
	if err != nil || parcel == nil {
		return err
	}
	return s.refundParcel(ctx, parcel, "shipment_lost")
}

// takeRefused records a parcel that came back, takes its goods into the stock and gives its money back.
func (s *orderSaga) takeRefused(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	parcel, err := s.endParcel(ctx, r, order.ShipmentCameBack, "Take back a parcel to ", a.RefuseShipment)
	if err != nil || parcel == nil {
		return err
	}
	return s.refundParcel(ctx, parcel, "shipment_refused")
}

func (s *orderSaga) refundParcel(ctx workflow.Context, parcel *order.Shipment, reason string) error {
	return refund(ctx, s.in.OrderID, domain.DerivedID(parcel.ShipmentID, "refund"), parcel.Amount, reason)
}

// endParcel records the end of a parcel and moves the order on. It returns no parcel when the end was
// recorded before.
func (s *orderSaga) endParcel(
	ctx workflow.Context, r ShipmentReport, end order.ShipmentStatus, summary string,
	activity func(context.Context, activities.EndShipment) (activities.Ended, error),
) (*order.Shipment, error) {
	parcel, err := s.parcel(r.ShipmentID)
	if err != nil || parcel.Status.Ended() {
		return nil, err
	}
	in := activities.EndShipment{OrderID: s.in.OrderID, ShipmentID: parcel.ShipmentID, At: workflow.Now(ctx)}
	if end == order.ShipmentCameBack {
		in.Location, in.Lines = parcel.Location, parcel.Lines
	}
	ended, err := step(ctx, summary+parcel.Location, activity, in)
	if err != nil {
		return nil, err
	}
	parcel.Status = end
	tellServed(ctx, ended.Served)
	return parcel, s.moveOn(ctx, ended.Status)
}

// moveOn follows the order where the end or the cancellation of a parcel has taken it. Histories from
// before cancellations told a status have none: the order stays where it is.
func (s *orderSaga) moveOn(ctx workflow.Context, status order.Status) error {
	if status == "" || status == s.state.Status {
		return nil
	}
	if status == order.StatusCancelled {
		s.state.Reason = order.ReasonUndeliverable
	}
	return s.enter(ctx, status)
}
