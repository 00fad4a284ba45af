package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"go.temporal.io/sdk/workflow"
)

// ReturnSaga takes goods back after their delivery and refunds what they had cost. It is an execution
// of its own, started by the return: the order's has ended with the delivery, and nothing stays open
// for as long as the return window lasts. It may be started again with the same id.
//
// Refusals: not_found; not_returnable; return_window_closed; invalid; and gateway_refused, when the
// goods are back and the gateway won't give the money: a person has to.
func ReturnSaga(ctx workflow.Context, in ReturnInput) (ReturnResult, error) {
	var a *activities.Activities
	returned, err := step(ctx, "Take the goods back", a.ReturnGoods, activities.ReturnGoods{
		OrderID: in.OrderID, ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: workflow.Now(ctx),
	})
	if err != nil {
		return ReturnResult{}, err
	}
	tellServed(ctx, returned.Served)
	if returned.Amount.IsPositive() {
		if err := refund(ctx, in.OrderID, in.ReturnID, returned.Amount, "return"); err != nil {
			return ReturnResult{Refunded: money.Zero(returned.Amount.Currency)}, err
		}
	}
	return ReturnResult{Refunded: returned.Amount}, nil
}
