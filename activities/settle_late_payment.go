package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// SettleLatePayment is the input of [Activities.SettleLatePayment].
type SettleLatePayment struct {
	OrderID uuid.UUID `json:"order_id"`
	// Authorized is what the gateway reports. Otherwise it has declined, and there is nothing to void.
	Authorized bool      `json:"authorized"`
	GatewayRef string    `json:"gateway_ref"`
	At         time.Time `json:"at"`
}

// LatePaymentSettled says whether the update need not be passed on to a saga.
type LatePaymentSettled struct {
	Settled bool `json:"settled"`
}

// SettleLatePayment voids money that was authorised after its payment was closed. It settles nothing while the
// payment is open: then a saga waits for the update, or is about to.
func (a *Activities) SettleLatePayment(ctx context.Context, in SettleLatePayment) (LatePaymentSettled, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return LatePaymentSettled{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	switch p.Status {
	case "", payment.StatusActionRequired, payment.StatusExpired:
		return LatePaymentSettled{}, nil
	case payment.StatusVoided, payment.StatusDeclined:
		if !in.Authorized {
			break
		}
		if err := a.voidLatePayment(ctx, id, in.GatewayRef, in.At); err != nil {
			return LatePaymentSettled{}, err
		}
	}
	return LatePaymentSettled{Settled: true}, nil
}
