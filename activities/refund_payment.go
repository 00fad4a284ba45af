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

// RefundPayment is the input of [Activities.RefundPayment].
type RefundPayment struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason"`
	At       time.Time   `json:"at"`
	// Again is as in [AuthorizePayment].
	Again bool `json:"again,omitempty"`
}

// RefundPayment gives captured money back. Refusals: idempotency_key_reused; refund_exceeds_capture; gateway_refused.
func (a *Activities) RefundPayment(ctx context.Context, in RefundPayment) (Changed, error) {
	id := payment.ID(in.OrderID)
	record := payment.RefundPayment{RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason, At: in.At}
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return Changed{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	if events, err := payment.Refund(p, record); err != nil || len(events) == 0 {
		return Changed{Replayed: true}, Refusal(err)
	}
	step := "refund/" + in.RefundID.String()
	result, err := a.gateway.Refund(ctx, payments.RefundRequest{
		IdempotencyKey: id.String() + "/" + step, AskedAt: askedAt(in.At, in.Again), PaymentID: id, GatewayRef: p.GatewayRef, Amount: in.Amount, Reason: in.Reason,
	})
	if err != nil {
		return Changed{}, Refusal(fmt.Errorf("%s of payment %s: %w", step, id, err))
	}
	record.GatewayRef = result.Ref
	return Changed{}, changeAggregate(ctx, a, paymentAggregate, id, stamp(ctx, step, in.OrderID, in.At), func(p payment.Payment) ([]domain.Event, error) {
		return payment.Refund(p, record)
	})
}
