package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"go.temporal.io/sdk/workflow"
)

// ReturnSaga takes goods back after their delivery and refunds what they had cost. It may be started again with the
// same id.
//
// It is an execution of its own, started by the return. The order's execution has ended with the delivery, so nothing
// stays open for as long as the return window lasts.
//
// Refusals: not_found; not_returnable; return_window_closed; invalid. Also gateway_refused, when the goods are back and
// the gateway will not refund them: a person has to.
func ReturnSaga(ctx workflow.Context, in ReturnInput) (ReturnResult, error) {
	var a *activities.Activities
	returned, err := runStep(ctx, "Take the goods back", a.ReturnGoods, activities.ReturnGoods{
		OrderID: in.OrderID, ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: workflow.Now(ctx),
	})
	if err != nil {
		return ReturnResult{}, err
	}
	signalServed(ctx, returned.Served)
	if returned.Amount.IsPositive() {
		if _, err := refundPayment(ctx, in.OrderID, in.ReturnID, returned.Amount, "return", false); err != nil {
			return ReturnResult{Refunded: money.Zero(returned.Amount.Currency)}, err
		}
	}
	return ReturnResult{Refunded: returned.Amount, Replayed: returned.Replayed}, nil
}
