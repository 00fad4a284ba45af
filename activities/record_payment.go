package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// RecordPayment is the input of [Activities.RecordPayment].
type RecordPayment struct {
	OrderID     uuid.UUID      `json:"order_id"`
	Amount      money.Money    `json:"amount"`
	Status      payment.Status `json:"status"`
	GatewayRef  string         `json:"gateway_ref"`
	DeclineCode string         `json:"decline_code,omitempty"`
	ExpiresAt   time.Time      `json:"expires_at"`
	At          time.Time      `json:"at"`
}

// RecordPayment records the gateway's later answer to a payment that it had left open. When the
// payment was voided meanwhile, it voids at the gateway what came too late. Refusal: payment_closed.
func (a *Activities) RecordPayment(ctx context.Context, in RecordPayment) error {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return fmt.Errorf("load payment %s: %w", id, err)
	}
	// The bank may be asked again when an authorisation has expired.
	st := stamp(ctx, fmt.Sprintf("record-payment/%d/%s", p.Generation+1, in.Status), in.OrderID, in.At)
	err = changeAggregate(ctx, a, paymentAggregate, id, st, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: in.Status, GatewayRef: in.GatewayRef,
			DeclineCode: in.DeclineCode, ExpiresAt: in.ExpiresAt, At: in.At,
		})
	})
	if isRefusal(err, payment.CodePaymentClosed) && in.Status == payment.StatusAuthorized {
		if voidErr := a.voidLatePayment(ctx, id, in.GatewayRef, in.At); voidErr != nil {
			return voidErr
		}
	}
	return err
}

// voidLatePayment lets go of what the gateway has authorised for a payment that was closed meanwhile.
func (a *Activities) voidLatePayment(ctx context.Context, id uuid.UUID, ref string, at time.Time) error {
	err := a.gateway.Void(ctx, payments.VoidRequest{IdempotencyKey: id.String() + "/void-late", AskedAt: at, PaymentID: id, GatewayRef: ref})
	if err != nil {
		return Refusal(fmt.Errorf("void payment %s, authorised too late: %w", id, err))
	}
	return nil
}
