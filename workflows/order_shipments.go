package workflows

import (
	"context"
	"errors"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

// shipmentReport is news of a shipment. Fulfil carries out one after the other, so that they don't cross each
// other, nor a cancellation.
type shipmentReport struct {
	carryOut func(workflow.Context) error
	// awaited is true when its sender waits for an answer; otherwise a refusal is shown in the details.
	awaited bool
	done    bool
	err     error
}

// listenForShipments takes the news of shipments.
func (s *orderSaga) listenForShipments(ctx workflow.Context, signals workflow.Selector) error {
	return errors.Join(
		hear(ctx, s, signals, ShipmentDispatched, "A shipment was handed to the carrier; takes its money.", s.mayDispatch, s.dispatchShipment),
		hear(ctx, s, signals, ShipmentDelivered, "A shipment has arrived.", s.mayEnd, s.deliverShipment),
		hear(ctx, s, signals, ShipmentLost, "The carrier has lost a shipment; gives its money back.", s.mayEnd, s.loseShipment),
		hear(ctx, s, signals, ShipmentRefused, "A shipment came back; gives its money back.", s.mayEnd, s.refuseShipment),
	)
}

// hear takes news of one kind as an update, which is answered, and as a signal. A signal waits for its
// shipment to be planned, because the server delivers it once; an update is refused before that.
func hear[R any](
	ctx workflow.Context, s *orderSaga, signals workflow.Selector, name, description string,
	may func(R) error, carryOut func(workflow.Context, R) error,
) error {
	take := func(r R, awaited bool) *shipmentReport {
		report := &shipmentReport{carryOut: func(ctx workflow.Context) error { return carryOut(ctx, r) }, awaited: awaited}
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

// mayEnd is mayDispatch for the end of a shipment.
func (s *orderSaga) mayEnd(r ShipmentReport) error {
	if err := order.CanEndShipment(s.order(), r.ShipmentID); err != nil {
		return s.refusal(err)
	}
	if shipment := s.shipment(r.ShipmentID); shipment.Status.Ended() {
		return s.alreadyReported(shipment)
	}
	return nil
}

// alreadyReported tells that there is nothing to do. It is a refusal so that reports which are repeated
// without end leave nothing in the history.
func (s *orderSaga) alreadyReported(shipment *order.Shipment) error {
	return s.refusal(domain.Refuse(CodeAlreadyReported, "shipment %s is %s already", shipment.ShipmentID, shipment.Status))
}

// CodeAlreadyReported refuses a report of a shipment that has come as far before.
const CodeAlreadyReported domain.ErrorCode = "already_reported"

func (s *orderSaga) deliverShipment(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	_, err := s.endShipment(ctx, r, order.ShipmentStatusDelivered, "Deliver from ", a.DeliverShipment)
	return err
}

// loseShipment records a lost shipment and gives its money back.
func (s *orderSaga) loseShipment(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	shipment, err := s.endShipment(ctx, r, order.ShipmentStatusLost, "Record a lost shipment from ", a.LoseShipment)
	if err != nil || shipment == nil {
		return err
	}
	return s.refundShipment(ctx, shipment, "shipment_lost")
}

// refuseShipment records a shipment that came back, takes its goods into the stock and gives its money back.
func (s *orderSaga) refuseShipment(ctx workflow.Context, r ShipmentReport) error {
	var a *activities.Activities
	shipment, err := s.endShipment(ctx, r, order.ShipmentStatusRefused, "Take back a shipment to ", a.RefuseShipment)
	if err != nil || shipment == nil {
		return err
	}
	return s.refundShipment(ctx, shipment, "shipment_refused")
}

func (s *orderSaga) refundShipment(ctx workflow.Context, shipment *order.Shipment, reason string) error {
	return refund(ctx, s.in.OrderID, domain.DerivedID(shipment.ShipmentID, "refund"), shipment.Amount, reason)
}

// endShipment records the end of a shipment and moves the order on. It returns no shipment when the end was
// recorded before.
func (s *orderSaga) endShipment(
	ctx workflow.Context, r ShipmentReport, end order.ShipmentStatus, summary string,
	activity func(context.Context, activities.EndShipment) (activities.Ended, error),
) (*order.Shipment, error) {
	if err := order.CanEndShipment(s.order(), r.ShipmentID); err != nil {
		return nil, s.refusal(err)
	}
	shipment := s.shipment(r.ShipmentID)
	if shipment.Status.Ended() {
		return nil, nil
	}
	in := activities.EndShipment{OrderID: s.in.OrderID, ShipmentID: shipment.ShipmentID, At: workflow.Now(ctx)}
	if end == order.ShipmentStatusRefused {
		in.Location, in.Lines = shipment.Location, shipment.Lines
	}
	ended, err := step(ctx, summary+shipment.Location, activity, in)
	if err != nil {
		return nil, err
	}
	shipment.Status = end
	tellServed(ctx, ended.Served)
	return shipment, s.moveOn(ctx, ended.Status)
}

// moveOn follows the order where the end or the cancellation of a shipment has taken it. Histories from
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
