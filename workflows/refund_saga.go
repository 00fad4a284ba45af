package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// QueryRefund answers a [RefundResult]: where the refund of a [RefundSaga] stands. It has no id before its amount is
// reserved. Query.
const QueryRefund = "refund"

// RefundSaga gives money back without goods, or tries once more to give back what is owed. It may be started again with
// the same id.
//
// The amount is reserved first, and the gateway asked afterwards. The saga ends with the gateway's answer: a refund
// that it refuses has failed, and stays visible. Refusals: not_found; idempotency_key_reused; refund_exceeds_capture;
// refund_under_way; payment_disputed; invalid.
func RefundSaga(ctx workflow.Context, in RefundInput) (out RefundResult, err error) {
	if err := workflow.SetQueryHandler(ctx, QueryRefund, func() (RefundResult, error) { return out, nil }); err != nil {
		return out, err
	}
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	requested, err := runStep(ctx, "Request a refund of "+in.What(), a.RequestRefund, activities.RequestRefund{
		OrderID: in.OrderID, RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason, Lines: in.Lines, Spread: in.Spread, After: in.After, At: workflow.Now(ctx),
	})
	if err != nil {
		return out, err
	}
	out = RefundResult{Refund: requested.Refund, Replayed: requested.Replayed}
	refund, err := refundPayment(ctx, in.OrderID, in.RefundID, in.After, out.Refund.Amount.String())
	if err == nil {
		out.Refund = refund
	}
	if in.After > 0 || out.Refund.Status == payment.RefundStatusFailed {
		tellOrder(ctx, in.OrderID)
	}
	return out, err
}

// refundPayment carries on with a refund that is owed or was requested, and tells where it stands then. What names it
// for operators.
func refundPayment(ctx workflow.Context, orderID, refundID uuid.UUID, after int, what string) (payment.RefundSummary, error) {
	var a *activities.Activities
	return runStep(ctx, "Refund "+what, a.RefundPayment, activities.RefundPayment{OrderID: orderID, RefundID: refundID, After: after, At: now(ctx)})
}
