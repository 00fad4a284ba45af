package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// QueryReturn answers a [ReturnResult]: where a [ReturnSaga] stands. It has no amount before the goods are back. Query.
const QueryReturn = "return"

// ReturnSaga takes goods back after their delivery and refunds what they had cost. It may be started again with the
// same id.
//
// It is an execution of its own, started by the return. The order's execution has ended with the delivery, so nothing
// stays open for as long as the return window lasts.
//
// What the customer is owed is recorded with the return, so no refusal of the gateway stands in its way. The saga ends
// with the gateway's answer. Refusals: not_found; not_returnable; return_window_closed; invalid.
func ReturnSaga(ctx workflow.Context, in ReturnInput) (out ReturnResult, err error) {
	err = workflow.SetQueryHandler(ctx, QueryReturn, func() (ReturnResult, error) { return out, nil })
	if err != nil {
		return out, err
	}
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	returned, err := runStep(ctx, "Take the goods back", a.ReturnGoods, activities.ReturnGoods{
		OrderID: in.OrderID, ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: workflow.Now(ctx),
	})
	if err != nil {
		return out, err
	}
	out = ReturnResult{Amount: returned.Amount, Refund: returned.Refund, Replayed: returned.Replayed}
	signalServed(ctx, returned.Served)
	if out.Refund == nil {
		return out, nil
	}
	refund, err := refundPayment(ctx, in.OrderID, in.ReturnID, 0, out.Refund.Amount.String())
	if err == nil {
		out.Refund = &refund
	}
	if out.Refund.Status == payment.RefundStatusFailed {
		tellOrder(ctx, in.OrderID)
	}
	return out, err
}
