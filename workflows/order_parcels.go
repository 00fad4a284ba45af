package workflows

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// parcelReport is news of a parcel. Fulfil carries out one after the other, so that they don't cross each
// other, nor a cancellation.
type parcelReport struct {
	carryOut func(workflow.Context) error
	// awaited is true when its sender waits for an answer; otherwise a refusal is shown in the details.
	awaited bool
	done    bool
	err     error
}

// listenForParcels takes the news of parcels.
func (s *orderSaga) listenForParcels(ctx workflow.Context, signals workflow.Selector) error {
	return errors.Join(
		hear(ctx, s, signals, ShipmentDispatched, "A parcel was handed to the carrier; takes its money.", s.mayDispatch, s.dispatch),
		hear(ctx, s, signals, ShipmentDelivered, "A parcel has arrived.", s.mayEnd, s.deliver),
		hear(ctx, s, signals, ShipmentLost, "The carrier has lost a parcel; gives its money back.", s.mayEnd, s.lose),
		hear(ctx, s, signals, ShipmentRefused, "A parcel came back; gives its money back.", s.mayEnd, s.takeRefused),
	)
}

// hear takes news of one kind as an update, which is answered, and as a signal. A signal waits for its
// parcel to be planned, because the server delivers it once; an update is refused before that.
func hear[R any](
	ctx workflow.Context, s *orderSaga, signals workflow.Selector, name, description string,
	may func(R) error, carryOut func(workflow.Context, R) error,
) error {
	take := func(r R, awaited bool) *parcelReport {
		report := &parcelReport{carryOut: func(ctx workflow.Context) error { return carryOut(ctx, r) }, awaited: awaited}
		s.reports = append(s.reports, report)
		return report
	}
	signals.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
		var r R
		if c.ReceiveAsync(&r) {
			take(r, false)
		}
	})
	answer := func(ctx workflow.Context, r R) (OrderState, error) {
		report := take(r, true)
		if err := workflow.Await(ctx, func() bool { return report.done || s.over }); err != nil {
			return s.state, err
		}
		if !report.done {
			return s.state, may(r) // cancelled meanwhile
		}
		return s.state, report.err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, answer, workflow.UpdateHandlerOptions{
		Validator: func(_ workflow.Context, r R) error { return may(r) }, Description: description,
	})
}

// carryOutReport carries out the oldest of the reports. Error: what is no refusal.
func (s *orderSaga) carryOutReport(ctx workflow.Context) error {
	report := s.reports[0]
	s.reports = s.reports[1:]
	report.err = report.carryOut(ctx)
	report.done = true
	code := refusalCode(report.err)
	switch {
	case code == "":
		return report.err
	case !report.awaited:
		s.refused(ctx, code, refusalMessage(report.err))
	}
	return nil
}

// mayDispatch refuses what can't be done, before anything is written to the history.
func (s *orderSaga) mayDispatch(d Dispatch) error {
	if err := order.CheckDispatch(d.Carrier, d.TrackingNumber); err != nil {
		return invalid("%v", err)
	}
	if s.state.Status == order.StatusCreated || s.state.Status == order.StatusCancelled {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("order %s is %s", s.state.OrderNumber, s.state.Status), "not_dispatchable", nil, s.state)
	}
	parcel, err := s.parcel(d.ShipmentID)
	switch {
	case err != nil:
		return err
	case parcel.Status == order.ShipmentEmpty:
		return temporal.NewNonRetryableApplicationError("everything in the shipment was cancelled", "not_dispatchable", nil, s.state)
	case parcel.Status != order.ShipmentPlanned:
		return s.alreadyReported(parcel)
	}
	return nil
}

// mayEnd is mayDispatch for the end of a parcel.
func (s *orderSaga) mayEnd(r ShipmentReport) error {
	parcel, err := s.parcel(r.ShipmentID)
	switch {
	case err != nil:
		return err
	case parcel.Status == order.ShipmentPlanned || parcel.Status == order.ShipmentEmpty:
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("shipment %s has not left", r.ShipmentID), "not_deliverable", nil, s.state)
	case parcel.Status.Ended():
		return s.alreadyReported(parcel)
	}
	return nil
}

// alreadyReported tells that there is nothing to do. It is a refusal so that reports which are repeated
// without end leave nothing in the history.
func (s *orderSaga) alreadyReported(parcel *order.Shipment) error {
	return temporal.NewNonRetryableApplicationError(
		fmt.Sprintf("shipment %s is %s already", parcel.ShipmentID, parcel.Status), CodeAlreadyReported, nil, s.state)
}

// CodeAlreadyReported refuses a report of a parcel that has come as far before.
const CodeAlreadyReported = "already_reported"

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
