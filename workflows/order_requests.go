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

// listen answers queries and updates and takes signals, from the first workflow task on. Cancelling
// the execution asks for the same as an operator's [CancelOrder].
func (s *orderSaga) listen(outer, ctx workflow.Context) error {
	err := workflow.SetQueryHandler(ctx, QueryState, func() (OrderState, error) { return s.state, nil })
	if err != nil {
		return err
	}
	// A channel that is closed, as that of a cancelled context, would keep a selector busy for ever.
	workflow.GoNamed(ctx, "cancelled execution", func(ctx workflow.Context) {
		outer.Done().Receive(ctx, nil)
		if r := (CancelRequest{Reason: "operator_request", By: "operator"}); s.mayCancel(ctx, r) == nil {
			s.requestCancel(r)
		}
	})
	// One coroutine waits for all of them: each that waits is woken at every step of the saga.
	requests := workflow.NewNamedSelector(ctx, "requests")
	err = errors.Join(
		handle(ctx, s, requests, CancelOrder, "Cancels the order, as long as no shipment has left.", s.mayCancel, s.cancelOrder),
		handle(ctx, s, requests, CancelLines, "Takes pieces out of shipments that have not left.", s.mayCancelLines, s.cancelLines),
		handle(ctx, s, requests, AmendAddress, "Sends the order elsewhere within its country.", s.mayAmend, s.amendAddress),
		handle(ctx, s, requests, ApproveOrder, "Lets a held order go on.", s.mayReview, s.approveOrder),
		handle(ctx, s, requests, RejectOrder, "Cancels a held order.", s.mayReview, s.rejectOrder),
		s.listenForShipments(ctx, requests),
	)
	workflow.GoNamed(ctx, "requests", func(ctx workflow.Context) {
		for {
			requests.Select(ctx)
		}
	})
	return err
}

// handle takes a request as an update, which is answered, and as a signal of the same name, whose
// refusal is shown in the execution's details.
func handle[R any](
	ctx workflow.Context, s *orderSaga, requests workflow.Selector, name, description string,
	validate func(workflow.Context, R) error, carryOut func(workflow.Context, R) (OrderState, error),
) error {
	requests.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
		var r R
		if !c.ReceiveAsync(&r) {
			return
		}
		workflow.GoNamed(ctx, name+" signal", func(ctx workflow.Context) {
			err := validate(ctx, r)
			if err == nil {
				_, err = carryOut(ctx, r)
			}
			if err != nil {
				s.refused(ctx, refusalCode(err), refusalMessage(err))
			}
		})
	})
	return workflow.SetUpdateHandlerWithOptions(ctx, name, carryOut, workflow.UpdateHandlerOptions{Validator: validate, Description: description})
}

// order is what the domain decides on: the order as this saga knows it.
func (s *orderSaga) order() order.Order {
	o := s.state.Order()
	o.ShipToCountry, o.Held = s.in.ShipToCountry, s.held
	return o
}

// refusal returns a refusal of the domain with where the order stands; nil for nil.
func (s *orderSaga) refusal(err error) error { return activities.Refusal(err, s.state) }

// mayCancel refuses what can't be done, before anything is written to the history.
func (s *orderSaga) mayCancel(_ workflow.Context, r CancelRequest) error {
	if err := order.CanCancel(s.order()); err != nil {
		return s.refusal(err)
	}
	// As the domain will, once everything is undone: a refusal then would come too late.
	return activities.Refusal(order.CheckCancelRequest(r.Reason, r.By))
}

// cancelOrder answers once everything is undone, or the order turned out to have left meanwhile.
func (s *orderSaga) cancelOrder(ctx workflow.Context, r CancelRequest) (OrderState, error) {
	s.requestCancel(r)
	err := workflow.Await(ctx, func() bool { return s.cancel == nil || s.state.Status == order.StatusCancelled })
	if err != nil {
		return s.state, err
	}
	if s.state.Status != order.StatusCancelled {
		return s.state, s.refusal(order.CanCancel(s.order()))
	}
	return s.state, nil
}

func (s *orderSaga) requestCancel(r CancelRequest) {
	if s.cancel == nil {
		s.cancel = &r
	}
	if s.stop != nil {
		s.stop()
	}
}

func (s *orderSaga) mayCancelLines(_ workflow.Context, r CancelLinesRequest) error {
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
	if err := s.shipments.Lock(ctx); err != nil {
		return s.state, err
	}
	defer s.shipments.Unlock()
	var a *activities.Activities
	out, err := step(ctx, "Cancel lines", a.CancelLines, activities.CancelLines{
		OrderID: s.in.OrderID, RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By, At: workflow.Now(ctx),
	})
	if err != nil {
		return s.state, err
	}
	s.state.Shipments, s.partly = out.Shipments, true
	tellServed(ctx, out.Served)
	if s.planned() == 0 {
		// All that was left to leave is cancelled, so nothing more will be captured.
		if err := voidPayment(ctx, s.in.OrderID, "lines_cancelled"); err != nil {
			return s.state, err
		}
	}
	return s.state, s.moveOn(ctx, out.Status)
}

func (s *orderSaga) mayAmend(_ workflow.Context, r AmendRequest) error {
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
	if r.RequestID != uuid.Nil {
		requestID = r.RequestID.String()
	}
	var a *activities.Activities
	err := do(ctx, "Amend the address", a.AmendAddress, activities.AmendAddress{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, Country: r.Country, Personal: r.Personal, By: r.By,
		RequestID: requestID, RequestHash: r.RequestHash, At: workflow.Now(ctx),
	})
	return s.state, err
}

func (s *orderSaga) mayReview(_ workflow.Context, r ReviewRequest) error {
	if err := order.CheckReviewer(r.By); err != nil {
		return activities.Refusal(err)
	}
	if err := order.CanReview(s.order()); err != nil {
		return s.refusal(err)
	}
	if s.review != nil {
		return s.refusal(domain.Refuse(CodeAlreadyReviewed, "the review is made already"))
	}
	return nil
}

// CodeAlreadyReviewed refuses a second review of an order.
const CodeAlreadyReviewed domain.ErrorCode = "already_reviewed"

func (s *orderSaga) approveOrder(_ workflow.Context, r ReviewRequest) (OrderState, error) {
	s.review = &review{approved: true, by: r.By}
	return s.state, nil
}

func (s *orderSaga) rejectOrder(ctx workflow.Context, r ReviewRequest) (OrderState, error) {
	s.review = &review{by: r.By}
	err := workflow.Await(ctx, func() bool { return s.state.Status == order.StatusCancelled })
	return s.state, err
}
