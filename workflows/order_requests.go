package workflows

import (
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/precondition"
	"go.temporal.io/sdk/workflow"
)

// requestKinds returns all that an order's saga can be asked or told. Signals that come together are taken in this
// order.
func (s *orderSaga) requestKinds() []*requestKind {
	return []*requestKind{
		kindOf(CancelOrder, laneCancel, "Cancels the order, as long as no shipment has left.", s.validateCancelOrder, s.cancelOrder),
		kindOf(CancelLines, laneShipments, "Takes pieces out of shipments that have not left.", s.validateCancelLines, s.cancelLines),
		kindOf(EditOrder, laneShipments, "Adds lines to the order and changes quantities, before anything leaves.",
			s.validateEditOrder, s.editOrder),
		kindOf(AmendAddress, laneAddress, "Sends the order elsewhere within its country.", s.validateAmendAddress, s.amendAddress),
		kindOf(CorrectTracking, laneShipments, "Corrects carrier and tracking number of a shipment on its way.",
			s.validateCorrectTracking, s.correctTracking),
		kindOf(ProvidePayment, lanePayment, "Pays an order that waits for money with another means of payment.",
			s.validateProvidePayment, s.providePayment),
		kindOf(ApproveOrder, laneReview, "Lets a held order go on.", s.validateReview, s.approveOrder),
		kindOf(RejectOrder, laneReview, "Cancels a held order.", s.validateReview, once(s.rejectOrder)),
		kindOf(ShipmentDispatched, laneShipments, "A shipment was handed to the carrier; captures its money.",
			s.validateDispatchShipment, once(s.dispatchShipment)),
		kindOf(ShipmentDelivered, laneShipments, "A shipment has arrived.", s.validateEndShipment, once(s.deliverShipment)),
		kindOf(ShipmentLost, laneShipments, "The carrier has lost a shipment; refunds it.", s.validateEndShipment, once(s.loseShipment)),
		kindOf(ShipmentRefused, laneShipments, "A shipment came back; refunds it.", s.validateEndShipment, once(s.refuseShipment)),
		kindOf(AdvanceClock, laneClock, "Sets the clock of an order for trying to when its next timer goes off.",
			func(AdvanceRequest) error { return nil }, s.advanceClock),
	}
}

// order is what the domain decides on: the order as this saga knows it.
func (s *orderSaga) order() order.Order {
	o := s.state.Order()
	o.ShipToCountry, o.Held = s.in.ShipToCountry, s.held
	return o
}

// refusal returns a refusal of the domain with where the order stands; nil for nil.
func (s *orderSaga) refusal(err error) error { return activities.Refusal(err, s.state) }

func (s *orderSaga) validateCancelOrder(r CancelRequest) error {
	if err := order.CanCancel(s.order()); err != nil {
		return s.refusal(err)
	}
	// Another cancellation is being carried out: this one can't take effect, and must not look as if it would.
	if before := s.cancelRequest; before != nil && *before != r {
		return s.refusal(domain.Refuse(order.CodeAlreadyCancelled, "order %s is being cancelled by %s: %s",
			s.state.OrderNumber, before.By, domain.Clip(before.Reason)))
	}
	// The domain checks this once everything is undone: a refusal then would come too late.
	return activities.Refusal(order.CheckCancelRequest(r.Reason, r.By))
}

// cancelOrder answers once everything is undone, or the order turned out to have left or to be cancelled by another.
func (s *orderSaga) cancelOrder(ctx workflow.Context, r CancelRequest) (replayed bool, err error) {
	if replayed = s.state.Status == order.StatusCancelled; !replayed {
		if err := s.checkPrecondition(ctx); err != nil {
			return false, err
		}
		s.requestCancel(r, actorOf(ctx), preconditionOf(ctx))
		err := workflow.Await(ctx, func() bool { return s.cancelRequest == nil || s.state.Status == order.StatusCancelled || s.over })
		if err != nil {
			return false, err
		}
		if err := s.takePreconditionFailed(); err != nil && s.state.Status != order.StatusCancelled {
			return false, err
		}
	}
	_, err = order.Cancel(s.order(), order.CancelOrder{Reason: r.Reason, By: r.By})
	return replayed, s.refusal(err)
}

// checkPrecondition refuses a request that ends what the saga does, before it does. Without a precondition there is no
// step. The step that records the cancellation compares once more.
func (s *orderSaga) checkPrecondition(ctx workflow.Context) error {
	if preconditionOf(ctx) == "" {
		return nil
	}
	var a *activities.Activities
	return runStepForEffect(ctx, "Look whether the order is as it was seen", a.CheckPrecondition, s.in.OrderID)
}

// takePreconditionFailed returns the refusal of a cancellation whose order has changed meanwhile, once.
func (s *orderSaga) takePreconditionFailed() (err error) {
	err, s.preconditionFailed = s.preconditionFailed, nil
	return err
}

// reasonOperator is why an order is cancelled whose execution, or a child of it, an operator of Temporal has cancelled.
const reasonOperator = "operator_request"

// cancelledByOperator reports whether the execution was cancelled, and nothing was asked for because of it.
func (s *orderSaga) cancelledByOperator() bool { return s.execution.Err() != nil && !s.cancelTaken }

// cancelByOperator asks for what an operator asks for who cancels the execution.
func (s *orderSaga) cancelByOperator(ctx workflow.Context) {
	s.cancelTaken = true
	for _, kind := range s.kinds {
		if kind.name == CancelOrder {
			body := json.RawMessage(`{"reason":"` + reasonOperator + `","by":"` + order.ByOperator + `"}`)
			s.takeIn(&queued{Request: Request{Name: CancelOrder, Body: body}, kind: kind, since: workflow.Now(ctx)})
		}
	}
}

func (s *orderSaga) requestCancel(r CancelRequest, by actor.Actor, when precondition.Precondition) {
	if s.cancelRequest == nil {
		s.cancelRequest, s.cancelledFor, s.cancelledIf = &r, by, when
	}
	if s.stopSecuring != nil {
		s.stopSecuring()
	}
	if s.stopDispatch != nil && order.CanCancel(s.order()) == nil {
		s.stopDispatch()
	}
	if s.stopPayment != nil && order.CanCancel(s.order()) == nil {
		s.stopPayment()
	}
}

func (s *orderSaga) validateCancelLines(r CancelLinesRequest) error {
	if err := order.CanCancelLines(s.order()); err != nil {
		return s.refusal(err)
	}
	if err := (order.CancelLines{RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By}).Check(); err != nil {
		return activities.Refusal(err)
	}
	return activities.Refusal(order.CheckAsker(r.By))
}

// cancelLines takes pieces out of shipments that have not left. What they cost is not captured.
func (s *orderSaga) cancelLines(ctx workflow.Context, r CancelLinesRequest) (replayed bool, err error) {
	if err := s.validateCancelLines(r); err != nil {
		return false, err
	}
	return s.cancelPieces(ctx, activities.CancelLines{
		OrderID: s.in.OrderID, RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By, At: now(ctx),
	})
}

// cancelPieces takes pieces out of shipments that have not left, and frees their goods and their money.
func (s *orderSaga) cancelPieces(ctx workflow.Context, in activities.CancelLines) (replayed bool, err error) {
	var a *activities.Activities
	out, err := runStep(ctx, "Cancel lines", a.CancelLines, in)
	if err != nil {
		return false, err
	}
	s.state.Shipments, s.partlyCancelled = out.Shipments, true
	signalServed(ctx, out.Served)
	refusal := s.settleCaptures(ctx, out.Moved, "what was captured in excess")
	if err := s.adoptMoved(ctx, out.Moved); err != nil {
		return false, err
	}
	return out.Replayed, refusal // the lines are cancelled all the same
}

func (s *orderSaga) validateAmendAddress(r AmendRequest) error {
	if err := order.CanAmend(s.order(), r.Country); err != nil {
		return s.refusal(err)
	}
	if err := order.CheckAmendment(r.Personal, r.By); err != nil {
		return activities.Refusal(err)
	}
	return activities.Refusal(order.CheckAsker(r.By))
}

func (s *orderSaga) amendAddress(ctx workflow.Context, r AmendRequest) (replayed bool, err error) {
	s.amendments++
	requestID := strconv.Itoa(s.amendments)
	switch {
	case r.RequestID != uuid.Nil:
		requestID = r.RequestID.String()
	case s.resumed(): // an earlier saga has counted its own
		requestID = workflow.GetInfo(ctx).WorkflowExecution.RunID + "/" + requestID
	}
	var a *activities.Activities
	amended, err := runStep(ctx, "Amend the address", a.AmendAddress, activities.AmendAddress{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, Country: r.Country, Personal: r.Personal, By: r.By,
		RequestID: requestID, RequestHash: r.RequestHash, At: now(ctx),
	})
	return amended.Replayed, err
}

func (s *orderSaga) validateReview(r ReviewRequest) error {
	if err := order.CheckReviewer(r.By); err != nil {
		return activities.Refusal(err)
	}
	if err := order.CanReview(s.order()); err != nil {
		return s.refusal(err)
	}
	if s.review != nil {
		return s.refusal(domain.Refuse(order.CodeAlreadyReviewed, "the review is made already"))
	}
	return nil
}

// approveOrder answers once the approval is recorded.
func (s *orderSaga) approveOrder(ctx workflow.Context, r ReviewRequest) (replayed bool, err error) {
	if err := s.validateReview(r); err != nil {
		return false, err
	}
	var a *activities.Activities
	approved, err := runStep(ctx, "Approve the order", a.ApproveOrder, activities.ApproveOrder{OrderID: s.in.OrderID, By: r.By, At: now(ctx)})
	if err != nil {
		return false, err
	}
	s.review, s.held, s.state.ApprovedBy = &review{approved: true, by: r.By}, "", r.By
	s.setWaitingToSecure(ctx)
	return approved.Replayed, s.setMark(ctx, s.markSecuring())
}

// rejectOrder answers once the order is cancelled.
func (s *orderSaga) rejectOrder(ctx workflow.Context, r ReviewRequest) error {
	if err := s.validateReview(r); err != nil {
		return err
	}
	if err := s.checkPrecondition(ctx); err != nil {
		return err
	}
	if err := s.validateReview(r); err != nil { // it may have been decided meanwhile
		return err
	}
	s.review = &review{by: r.By, actor: actorOf(ctx), when: preconditionOf(ctx)}
	if s.stopSecuring != nil {
		s.stopSecuring()
	}
	err := workflow.Await(ctx, func() bool { return s.review == nil || s.state.Status == order.StatusCancelled || s.over })
	if err == nil {
		err = s.takePreconditionFailed()
	}
	if err == nil {
		_, err = order.Review(s.order(), order.ReviewOrder{By: r.By})
		err = s.refusal(err)
	}
	return err
}
