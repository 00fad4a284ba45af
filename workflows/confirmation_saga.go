package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/sdk/workflow"
)

// BankConfirmation is what a person has chosen on the page of a bank for trying.
type BankConfirmation struct {
	OrderID uuid.UUID `json:"order_id"`
	// Approve is false for a customer who does not confirm.
	Approve bool `json:"approve"`
}

// ConfirmationSaga plays the customer at the bank of a gateway for trying. The order's payment is looked at then, as it
// is when a real gateway reports. Refusal: gateway_refused for a payment that does not wait for it, and from a gateway
// that plays no bank.
func ConfirmationSaga(ctx workflow.Context, in BankConfirmation) error {
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	if err := runStepForEffect(ctx, "Confirm at the bank", a.ConfirmAtBank, activities.ConfirmAtBank(in)); err != nil {
		return err
	}
	err := workflow.SignalExternalWorkflow(ctx, PaymentSagaID(in.OrderID), "", PaymentUpdated, PaymentUpdate{}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Debug("Nobody waits for the bank.", "order_id", in.OrderID.String(), "error", err)
	}
	return nil
}
