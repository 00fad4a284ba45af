package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// LatePayment starts a [LatePaymentSaga].
type LatePayment struct {
	OrderID uuid.UUID     `json:"order_id"`
	Update  PaymentUpdate `json:"update"`
}

// An order's payment saga starts moments after the gateway was asked; these outlast a worker's outage.
const (
	lateRetry       = 30 * time.Second
	lateAttemptsMax = 120
)

// CodePaymentOpen refuses a gateway's update of an open payment that nobody waits for.
const CodePaymentOpen domain.ErrorCode = "payment_open"

// LatePaymentSaga handles a gateway's update of a payment that nobody waits for. Money that was authorised after the
// order had given up is let go again. An update that came before the payment's own saga was started is passed on to it.
//
// Refusal: payment_open, when that saga is not started within [lateAttemptsMax] tries.
func LatePaymentSaga(ctx workflow.Context, in LatePayment) error {
	var a *activities.Activities
	for range lateAttemptsMax {
		settled, err := runStep(ctx, "Settle a late payment", a.SettleLatePayment, activities.SettleLatePayment{
			OrderID: in.OrderID, Authorized: in.Update.Status == string(payment.StatusAuthorized), GatewayRef: in.Update.GatewayRef, At: workflow.Now(ctx),
		})
		if err != nil || settled.Settled {
			return err
		}
		err = workflow.SignalExternalWorkflow(ctx, PaymentSagaID(in.OrderID), "", PaymentUpdated, in.Update).Get(ctx, nil)
		if err == nil {
			return nil
		}
		if err := workflow.Sleep(ctx, lateRetry); err != nil {
			return err
		}
	}
	return activities.Refusal(domain.Refuse(CodePaymentOpen, "the payment is open and nobody waits for it"))
}
