package workflows

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// ReasonLengthMax bounds the reason a person gives, in characters.
const ReasonLengthMax = 200

// listen answers queries and updates and takes signals, from the first workflow task on. Cancelling
// the execution asks for the same as an operator's [CancelOrder].
func (s *orderSaga) listen(outer, ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryState, func() (OrderState, error) { return s.state, nil }); err != nil {
		return err
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, CancelOrder, s.cancelOrder, workflow.UpdateHandlerOptions{
		Validator: s.mayCancel, Description: "Cancels the order, as long as no parcel has left.",
	})
	if err != nil {
		return err
	}
	workflow.GoNamed(ctx, "cancel signals", func(ctx workflow.Context) {
		for {
			var r CancelRequest
			workflow.GetSignalChannel(ctx, CancelOrder).Receive(ctx, &r)
			if err := s.mayCancel(ctx, r); err != nil {
				s.refused(ctx, refusalCode(err), refusalMessage(err))
				continue
			}
			s.requestCancel(r)
		}
	})
	workflow.GoNamed(ctx, "cancelled execution", func(workflow.Context) {
		outer.Done().Receive(ctx, nil)
		if s.mayCancel(ctx, CancelRequest{Reason: "operator_request", By: "operator"}) == nil {
			s.requestCancel(CancelRequest{Reason: "operator_request", By: "operator"})
		}
	})
	return nil
}

// mayCancel refuses what can't be done, before anything is written to the history.
func (s *orderSaga) mayCancel(_ workflow.Context, r CancelRequest) error {
	switch {
	case s.state.Status == order.StatusShipped || s.state.Status == order.StatusDelivered:
		return s.notCancellable()
	case strings.TrimSpace(r.Reason) == "" || utf8.RuneCountInString(r.Reason) > ReasonLengthMax:
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf("reason: has from 1 to %d characters", ReasonLengthMax), "invalid", nil)
	case r.By != "customer" && r.By != "operator":
		return temporal.NewNonRetryableApplicationError(`by: must be "customer" or "operator"`, "invalid", nil)
	}
	return nil
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
