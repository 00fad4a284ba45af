package workflows

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// QueryReturn answers a [ReturnResult]: where a [ReturnSaga] stands. It names no return before the first step has
// ended. Query.
const QueryReturn = "return"

// ReturnSaga takes one step of a return: it is requested, decided on, or its goods come back. It may be started again
// with the same id.
//
// Each step is an execution of its own, and one append. So nothing stays open for as long as a return lasts: where it
// stands is in the order's events. What is due later is found by the look for orphans, which starts a
// [ReturnDeadlineSaga].
//
// What the customer is owed is recorded with the goods, so no refusal of the gateway stands in its way. The saga of the
// goods ends with the gateway's answer. Refusals: those of [order.RequestReturn], [order.Decide], [order.Return] or
// [order.Receive].
func ReturnSaga(ctx workflow.Context, in ReturnInput) (out ReturnResult, err error) {
	err = workflow.SetQueryHandler(ctx, QueryReturn, func() (ReturnResult, error) { return out, nil })
	if err != nil {
		return out, err
	}
	ctx = forOrder(ctx, in.OrderID)
	switch in.Action {
	case ReturnAtOnce, ReturnReceive:
		err = takeBack(ctx, in, &out)
		return out, err
	}
	changed, err := changeReturn(ctx, in)
	out.Return, out.Replayed, out.Amount = changed.Return, changed.Replayed, changed.Return.ReturnRecord.Amount
	tellExchange(ctx, changed.Exchange)
	return out, err
}

// changeReturn takes a step of a return that moves neither goods nor money.
func changeReturn(ctx workflow.Context, in ReturnInput) (activities.ReturnChanged, error) {
	var a *activities.Activities
	if in.Action == ReturnRequest {
		return runStep(ctx, "Request a return", a.RequestReturn, activities.RequestReturn{
			OrderID: in.OrderID, ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, By: in.By, DecideWithin: in.DecideWithin,
			At: workflow.Now(ctx),
		})
	}
	return runStep(ctx, fmt.Sprintf("Decide on the return: %s", in.Action), a.DecideReturn, activities.DecideReturn{
		OrderID: in.OrderID, ReturnID: in.ReturnID, Action: in.Action, By: in.By, Reason: in.Reason, Carrier: in.Carrier,
		TrackingNumber: in.TrackingNumber, ExpiresAfter: in.ExpiresAfter, At: workflow.Now(ctx),
	})
}

// takeBack records goods that came back, and carries on with what is owed for them.
func takeBack(ctx workflow.Context, in ReturnInput, out *ReturnResult) error {
	var a *activities.Activities
	returned, err := runStep(ctx, "Take the goods back", a.ReturnGoods, activities.ReturnGoods{
		OrderID: in.OrderID, ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, Approved: in.Action == ReturnReceive, At: workflow.Now(ctx),
	})
	if err != nil {
		return err
	}
	*out = ReturnResult{Amount: returned.Amount, Refund: returned.Refund, Return: returned.Return, Replayed: returned.Replayed}
	signalServed(ctx, returned.Served)
	tellExchange(ctx, returned.Exchange)
	if out.Refund == nil {
		return nil
	}
	refund, err := refundPayment(ctx, in.OrderID, in.ReturnID, 0, out.Refund.Amount.String())
	if err == nil {
		out.Refund = &refund
		if refund.Status == payment.RefundStatusPaid && out.Return.ReturnID == in.ReturnID {
			out.Return.Status = order.ReturnStatusRefunded
		}
	}
	if out.Refund.Status == payment.RefundStatusFailed {
		tellOrder(ctx, in.OrderID)
	}
	return err
}

// tellExchange tells the order that the goods of a return pay for what was decided on it. It is recorded: an order
// without an open saga sees it when it is resumed.
func tellExchange(ctx workflow.Context, step *activities.ExchangeStep) {
	if step == nil {
		return
	}
	signal := RejectOrder
	if step.Approve {
		signal = ApproveOrder
	}
	if err := workflow.SignalExternalWorkflow(ctx, OrderSagaID(step.OrderID), "", signal, ReviewRequest{By: step.By}).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Debug("The order has no open saga.", "order_id", step.OrderID.String(), "error", err)
	}
}

// ReturnDeadline asks to look at the returns of an order.
type ReturnDeadline struct {
	OrderID uuid.UUID `json:"order_id"`
}

// ReturnDeadlineSaga records what is due of an order's returns: nobody has decided on one, or its goods did not come.
// It may be started at any time, and does nothing when nothing is due. Refusal: not_found.
func ReturnDeadlineSaga(ctx workflow.Context, in ReturnDeadline) error {
	return endReturns(forOrder(ctx, in.OrderID), in.OrderID)
}

func endReturns(ctx workflow.Context, orderID uuid.UUID) error {
	var a *activities.Activities
	ended, err := runStep(ctx, "Look for returns that are due", a.EndReturns, activities.EndReturns{OrderID: orderID, At: workflow.Now(ctx)})
	for _, step := range ended.Exchanges {
		tellExchange(ctx, &step)
	}
	return err
}
