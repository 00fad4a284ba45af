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
	// Authorized is the gateway's news; otherwise it has declined, and there is nothing to let go.
	Authorized bool      `json:"authorized"`
	GatewayRef string    `json:"gateway_ref"`
	At         time.Time `json:"at"`
}

// LatePaymentSettled says whether the news need not be passed on to anyone.
type LatePaymentSettled struct {
	Settled bool `json:"settled"`
}

// SettleLatePayment lets money go that was authorised after its payment was closed. It settles nothing
// while the payment is open: then somebody waits for the news, or is about to.
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
		if err := a.voidLate(ctx, id, in.GatewayRef, in.At); err != nil {
			return LatePaymentSettled{}, err
		}
	}
	return LatePaymentSettled{Settled: true}, nil
}
