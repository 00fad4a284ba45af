package activities

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// ConfirmAtBank is the input of [Activities.ConfirmAtBank].
type ConfirmAtBank struct {
	OrderID uuid.UUID `json:"order_id"`
	// Approve is false for a customer who does not confirm.
	Approve bool `json:"approve"`
}

// ConfirmAtBank plays the customer at the bank of a gateway for trying. Refusal: gateway_refused for a payment that
// does not wait for it, and from a gateway that plays no bank.
func (a *Activities) ConfirmAtBank(_ context.Context, in ConfirmAtBank) error {
	bank, ok := a.gateway.(payments.Bank)
	if !ok {
		return Refusal(domain.Refuse(payments.CodeGatewayRefused, "the payment gateway plays no bank"))
	}
	if err := bank.Confirm(payment.ID(in.OrderID), in.Approve); err != nil {
		return Refusal(fmt.Errorf("confirm the payment of order %s: %w", in.OrderID, err))
	}
	return nil
}
