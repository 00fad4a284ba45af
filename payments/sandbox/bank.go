package sandbox

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
)

var _ payments.Bank = (*Gateway)(nil)

// Confirm implements [payments.Bank]: it settles a payment that was left as action_required.
func (g *Gateway) Confirm(paymentID uuid.UUID, approve bool) error {
	return g.locked(context.Background(), func() error {
		acc := g.account(paymentID)
		if acc.pending.IsZero() || acc.closed {
			return domain.Refuse(payments.CodeGatewayRefused, "payment %s is not waiting for a confirmation", paymentID)
		}
		e := Entry{
			Key: acc.pendingKey + confirmSuffix, Kind: kindAuthorize, PaymentID: paymentID, Amount: acc.pending, AskedAt: acc.pendingSince,
			Ref: refOf(paymentID),
		}
		if !approve {
			e.Kind, e.Code = kindDecline, "authentication_failed"
		}
		if _, ok := g.byKey[e.Key]; ok {
			return nil
		}
		_, err := g.write(e)
		return err
	})
}

// confirmSuffix ends the key of the customer's answer, of which there is one for each authorisation that waits.
const confirmSuffix = "/confirm"
