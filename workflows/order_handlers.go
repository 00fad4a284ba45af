package workflows

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/temporal"
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

// mayCancel refuses what can't be done, before anything is written to the history.
func (s *orderSaga) mayCancel(_ workflow.Context, r CancelRequest) error {
	if s.state.Status == order.StatusShipped || s.state.Status == order.StatusDelivered {
		return s.notCancellable()
	}
	return checkAsker(r.Reason, r.By)
}

func checkAsker(reason, by string) error {
	if by != "customer" && by != "operator" {
		return invalid(`by: must be "customer" or "operator"`)
	}
	// As the domain will, once everything is undone: a refusal then would come too late.
	if err := order.CheckCancel(reason, by); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), domain.CodeInvalid, nil)
}

func (s *orderSaga) notCancellable() error {
	return temporal.NewNonRetryableApplicationError(
		fmt.Sprintf("order %s is %s: it has left the warehouse", s.state.OrderNumber, s.state.Status), "not_cancellable", nil, s.state)
}

// cancelOrder answers once everything is undone, or the order turned out to have left meanwhile.
func (s *orderSaga) cancelOrder(ctx workflow.Context, r CancelRequest) (OrderState, error) {
	s.requestCancel(r)
	err := workflow.Await(ctx, func() bool { return s.cancel == nil || s.state.Status == order.StatusCancelled })
	if err != nil {
		return s.state, err
	}
	if s.state.Status != order.StatusCancelled {
		return s.state, s.notCancellable()
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
	switch {
	case s.state.Status != order.StatusConfirmed && s.state.Status != order.StatusShipped:
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("order %s is %s: lines can be cancelled once it is confirmed and before they leave", s.state.OrderNumber, s.state.Status),
			"not_cancellable", nil, s.state)
	case r.RequestID == uuid.Nil:
		return invalid("request_id: is required")
	case len(r.Lines) == 0 || len(r.Lines) > order.ItemsMax:
		return invalid("lines: has from 1 to %d", order.ItemsMax)
	}
	return checkAsker(r.Reason, r.By)
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
	switch {
	case s.state.Status != order.StatusCreated && s.state.Status != order.StatusConfirmed:
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("order %s is %s", s.state.OrderNumber, s.state.Status), "not_amendable", nil, s.state)
	case r.Country != s.in.ShipToCountry:
		return temporal.NewNonRetryableApplicationError("the order goes to "+s.in.ShipToCountry, "country_fixed", nil)
	case r.Personal.IsZero():
		return invalid("personal: is required, sealed as the API does it")
	}
	return checkAsker("address", r.By)
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
		return invalid("%v", err)
	}
	switch {
	case !s.held:
		message := fmt.Sprintf("order %s is %s and waits for no review", s.state.OrderNumber, s.state.Status)
		return temporal.NewNonRetryableApplicationError(message, "not_held", nil, s.state)
	case s.review != nil:
		return temporal.NewNonRetryableApplicationError("the review is made already", "already_reviewed", nil, s.state)
	}
	return nil
}

func (s *orderSaga) approveOrder(_ workflow.Context, r ReviewRequest) (OrderState, error) {
	s.review = &review{approved: true, by: r.By}
	return s.state, nil
}

func (s *orderSaga) rejectOrder(ctx workflow.Context, r ReviewRequest) (OrderState, error) {
	s.review = &review{by: r.By}
	err := workflow.Await(ctx, func() bool { return s.state.Status == order.StatusCancelled })
	return s.state, err
}
