package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// LatePayment starts a [LatePaymentSaga]. It is what the gateway's report names: the ids are zero where it names none.
type LatePayment struct {
	OrderID    uuid.UUID `json:"order_id,omitzero"`
	PaymentID  uuid.UUID `json:"payment_id,omitzero"`
	GatewayRef string    `json:"gateway_ref"`
}

// An order's payment saga starts moments after the gateway was asked; these outlast a worker's outage.
const (
	lateRetry       = 30 * time.Second
	lateAttemptsMax = 120
)

// CodePaymentOpen refuses a gateway's report of an open payment that nobody waits for.
const CodePaymentOpen domain.ErrorCode = "payment_open"

// LatePaymentSaga handles a gateway's report of a payment that nobody waits for: it asks the gateway what is so.
// Captures, refunds and disputes that only the gateway knew of are recorded, and authorisations that have ended. Money
// that was authorised after the order had given up is let go again. The order's saga looks at its payment then.
//
// A report that came before the payment's own saga was started is passed on to it. One that concerns no payment of ours
// ends the saga at once.
//
// The end of a dispute opens the refunds that are owed, which are carried on then.
//
// Refusal: payment_open, when that saga is not started within [lateAttemptsMax] tries.
func LatePaymentSaga(ctx workflow.Context, in LatePayment) error {
	var a *activities.Activities
	for range lateAttemptsMax {
		settled, err := runStep(ctx, "Settle a late payment", a.SettleLatePayment, activities.SettleLatePayment{
			OrderID: in.OrderID, PaymentID: in.PaymentID, GatewayRef: in.GatewayRef, At: workflow.Now(ctx),
		})
		switch {
		case err != nil:
			return err
		case settled.Outcome == activities.ReportSettled:
			return recordAtGateway(ctx, settled.OrderID)
		case settled.Outcome != activities.ReportAwaited:
			return nil
		}
		update := PaymentUpdate{GatewayRef: in.GatewayRef}
		err = workflow.SignalExternalWorkflow(ctx, PaymentSagaID(settled.OrderID), "", PaymentUpdated, update).Get(ctx, nil)
		if err == nil {
			return nil
		}
		if err := workflow.Sleep(ctx, lateRetry); err != nil {
			return err
		}
	}
	return activities.Refusal(domain.Refuse(CodePaymentOpen, "the payment is open and nobody waits for it"))
}

// recordAtGateway records what only the gateway knows of an order's payment, and carries on with the refunds that this
// opens.
func recordAtGateway(ctx workflow.Context, orderID uuid.UUID) error {
	var a *activities.Activities
	recorded, err := runStep(ctx, "Record what has happened at the gateway", a.RecordGatewayEvent, activities.RecordGatewayEvent{
		PaymentID: payment.ID(orderID), At: workflow.Now(ctx),
	})
	if err != nil {
		return err
	}
	if recorded.Unusual {
		tellOrder(ctx, orderID)
	}
	if recorded.Recorded == 0 {
		return nil
	}
	for _, id := range recorded.Refunds {
		refund, err := refundPayment(ctx, orderID, id, 0, "what is owed")
		if err != nil {
			return err
		}
		if refund.Status == payment.RefundStatusFailed {
			tellOrder(ctx, orderID)
		}
	}
	return nil
}
