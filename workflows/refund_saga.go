package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"go.temporal.io/sdk/workflow"
)

// RefundSaga gives money back without goods. It may be started again with the same id. Refusals:
// idempotency_key_reused; refund_exceeds_capture; gateway_refused.
func RefundSaga(ctx workflow.Context, in RefundInput) (Recorded, error) {
	refunded, err := refundPayment(ctx, in.OrderID, in.RefundID, in.Amount, in.Reason, false)
	return Recorded{Replayed: refunded.Replayed}, err
}

func refundPayment(
	ctx workflow.Context, orderID, refundID uuid.UUID, amount money.Money, reason string, again bool,
) (activities.Changed, error) {
	var a *activities.Activities
	return runStep(ctx, "Refund "+amount.String(), a.RefundPayment, activities.RefundPayment{
		OrderID: orderID, RefundID: refundID, Amount: amount, Reason: reason, At: workflow.Now(ctx), Again: again,
	})
}
