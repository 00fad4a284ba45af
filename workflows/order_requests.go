package workflows

import (
	"errors"
	"strconv"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

// registerHandlers lets the saga answer queries and updates and receive signals, from the first workflow task on.
// Cancelling the execution asks for the same as an operator's [CancelOrder].
func (s *orderSaga) registerHandlers(outer, ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, QueryState, func() (OrderState, error) { return s.state, nil })
	if err != nil {
		return err
	}
	// A channel that is closed, as that of a cancelled context, would keep a selector busy for ever.
	workflow.GoNamed(ctx, "cancelled execution", func(ctx workflow.Context) {
		outer.Done().Receive(ctx, nil)
		if err := s.awaitKnown(ctx); err != nil {
			return
		}
		if r := (CancelRequest{Reason: "operator_request", By: order.ByOperator}); s.validateCancelOrder(ctx, r) == nil {
			s.requestCancel(r)
		}
	})
	// One coroutine receives all signals: each coroutine that waits is woken at every step of the saga.
	signals := workflow.NewNamedSelector(ctx, "requests")
	err = errors.Join(
		registerRequest(ctx, s, signals, CancelOrder, "Cancels the order, as long as no shipment has left.", s.validateCancelOrder, s.cancelOrder),
		registerRequest(ctx, s, signals, CancelLines, "Takes pieces out of shipments that have not left.", s.validateCancelLines, s.cancelLines),
		registerRequest(ctx, s, signals, AmendAddress, "Sends the order elsewhere within its country.", s.validateAmendAddress, s.amendAddress),
		registerRequest(ctx, s, signals, CorrectTracking, "Corrects carrier and tracking number of a shipment on its way.",
			s.validateCorrectTracking, s.correctTracking),
		registerRequest(ctx, s, signals, ApproveOrder, "Lets a held order go on.", s.validateReview, s.approveOrder),
		registerRequest(ctx, s, signals, RejectOrder, "Cancels a held order.", s.validateReview, s.rejectOrder),
		s.registerShipmentReports(ctx, signals),
	)
	workflow.GoNamed(ctx, "requests", func(ctx workflow.Context) {
		for {
			signals.Select(ctx)
		}
	})
	return err
}

// registerRequest registers a request as an update, which is answered, and as a signal of the same name. The refusal
// of a signal is shown in the execution's details.
//
// Validate refuses what can't be done before anything is written to the history. A request that comes before the saga
// knows where its order stands waits for that, and is validated then.
func registerRequest[R any](
	ctx workflow.Context, s *orderSaga, signals workflow.Selector, name, description string,
	validate func(workflow.Context, R) error, carryOut func(workflow.Context, R) (OrderState, error),
) error {
	signals.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
		var r R
		if !c.ReceiveAsync(&r) {
			return
		}
		workflow.GoNamed(ctx, name+" signal", func(ctx workflow.Context) {
			if _, err := validateAndCarryOut(ctx, s, r, validate, carryOut); err != nil {
				s.showRefusal(ctx, err)
			}
		})
	})
	update := func(ctx workflow.Context, r R) (OrderState, error) {
		// The cancellation of the execution asks to cancel the order. It ends no request, now or later.
		ctx, end := workflow.NewDisconnectedContext(ctx)
		defer end()
		if s.known {
			return carryOut(ctx, r) // validated when it came
		}
		return validateAndCarryOut(ctx, s, r, validate, carryOut)
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, update, workflow.UpdateHandlerOptions{
		Validator: func(ctx workflow.Context, r R) error {
			if !s.known {
				return nil
			}
			return validate(ctx, r)
		},
		Description: description,
	})
}

// validateAndCarryOut carries out a request once the saga knows where its order stands.
func validateAndCarryOut[R any](
	ctx workflow.Context, s *orderSaga, r R,
	validate func(workflow.Context, R) error, carryOut func(workflow.Context, R) (OrderState, error),
) (OrderState, error) {
	if err := s.awaitKnown(ctx); err != nil {
		return s.state, err
	}
	if err := validate(ctx, r); err != nil {
		return s.state, err
	}
	return carryOut(ctx, r)
}

// awaitKnown waits until the first step has answered where the order stands, or has failed.
func (s *orderSaga) awaitKnown(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return s.known || s.over })
}

// order is what the domain decides on: the order as this saga knows it.
func (s *orderSaga) order() order.Order {
	o := s.state.Order()
	o.ShipToCountry, o.Held = s.in.ShipToCountry, s.held
	return o
}

// refusal returns a refusal of the domain with where the order stands; nil for nil.
func (s *orderSaga) refusal(err error) error { return activities.Refusal(err, s.state) }

func (s *orderSaga) validateCancelOrder(_ workflow.Context, r CancelRequest) error {
	if err := order.CanCancel(s.order()); err != nil {
		return s.refusal(err)
	}
	// The domain checks this once everything is undone: a refusal then would come too late.
	return activities.Refusal(order.CheckCancelRequest(r.Reason, r.By))
}

// cancelOrder answers once everything is undone, or the order turned out to have left meanwhile.
func (s *orderSaga) cancelOrder(ctx workflow.Context, r CancelRequest) (OrderState, error) {
	s.requestCancel(r)
	err := workflow.Await(ctx, func() bool { return s.cancelRequest == nil || s.state.Status == order.StatusCancelled })
	if err != nil {
		return s.state, err
	}
	if s.state.Status != order.StatusCancelled {
		return s.state, s.refusal(order.CanCancel(s.order()))
	}
	return s.state, nil
}

func (s *orderSaga) requestCancel(r CancelRequest) {
	if s.cancelRequest == nil {
		s.cancelRequest = &r
	}
	if s.stopSecuring != nil {
		s.stopSecuring()
	}
	if s.stopDispatch != nil && order.CanCancel(s.order()) == nil {
		s.stopDispatch()
	}
}

// answer is where the order stands after a request, which may have been carried out before.
func (s *orderSaga) answer(replayed bool) OrderState {
	state := s.state
	state.Replayed = replayed
	return state
}

func (s *orderSaga) validateCancelLines(_ workflow.Context, r CancelLinesRequest) error {
	if err := order.CanCancelLines(s.order()); err != nil {
		return s.refusal(err)
	}
	if err := (order.CancelLines{RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By}).Check(); err != nil {
		return activities.Refusal(err)
	}
	return activities.Refusal(order.CheckAsker(r.By))
}

// cancelLines takes pieces out of shipments that have not left. What they cost is not captured.
func (s *orderSaga) cancelLines(ctx workflow.Context, r CancelLinesRequest) (OrderState, error) {
	if err := s.shipmentsLock.Lock(ctx); err != nil {
		return s.state, err
	}
	defer s.shipmentsLock.Unlock()
	var a *activities.Activities
	out, err := runStep(ctx, "Cancel lines", a.CancelLines, activities.CancelLines{
		OrderID: s.in.OrderID, RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By, At: workflow.Now(ctx),
	})
	if err != nil {
		return s.state, err
	}
	s.state.Shipments, s.partlyCancelled = out.Shipments, true
	signalServed(ctx, out.Served)
	refusal := s.voidWhenNothingIsPlanned(ctx)
	if err := s.adoptMoved(ctx, out.Moved); err != nil {
		return s.state, err
	}
	return s.answer(out.Replayed), refusal // the lines are cancelled all the same
}

func (s *orderSaga) validateAmendAddress(_ workflow.Context, r AmendRequest) error {
	if err := order.CanAmend(s.order(), r.Country); err != nil {
		return s.refusal(err)
	}
	if err := order.CheckAmendment(r.Personal, r.By); err != nil {
		return activities.Refusal(err)
	}
	return activities.Refusal(order.CheckAsker(r.By))
}

func (s *orderSaga) amendAddress(ctx workflow.Context, r AmendRequest) (OrderState, error) {
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
		RequestID: requestID, RequestHash: r.RequestHash, At: workflow.Now(ctx),
	})
	return s.answer(amended.Replayed), err
}

func (s *orderSaga) validateReview(_ workflow.Context, r ReviewRequest) error {
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

func (s *orderSaga) approveOrder(_ workflow.Context, r ReviewRequest) (OrderState, error) {
	s.review = &review{approved: true, by: r.By}
	return s.state, nil
}

func (s *orderSaga) rejectOrder(ctx workflow.Context, r ReviewRequest) (OrderState, error) {
	s.review = &review{by: r.By}
	err := workflow.Await(ctx, func() bool { return s.review == nil || s.state.Status == order.StatusCancelled })
	if err == nil && s.state.Status != order.StatusCancelled {
		err = s.refusal(order.CanReview(s.order()))
	}
	return s.state, err
}
