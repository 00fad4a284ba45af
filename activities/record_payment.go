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
	"go.temporal.io/sdk/activity"
)

// RecordPayment is the input of [Activities.RecordPayment].
type RecordPayment struct {
	OrderID uuid.UUID   `json:"order_id"`
	Amount  money.Money `json:"amount"`
	At      time.Time   `json:"at"`
}

// RecordPayment asks the gateway what has become of a payment that it had left open, and records that. It believes
// nobody else: what is reported is a reason to ask. The status that it answers is action_required for as long as
// nothing is decided.
//
// When the payment was voided meanwhile, it voids at the gateway what came too late. Refusal: payment_closed.
func (a *Activities) RecordPayment(ctx context.Context, in RecordPayment) (Authorized, error) {
	id := payment.ID(in.OrderID)
	in.Amount = a.limits(in.Amount.Currency).Ceil(in.Amount)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return Authorized{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	if p.Status == payment.StatusDeclined {
		return Authorized{Status: p.Status, DeclineCode: p.DeclineCode}, nil
	}
	if p.Status != payment.StatusVoided && !p.NeedsAuthorization(in.Amount) {
		return Authorized{Status: payment.StatusAuthorized}, nil
	}
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: id, GatewayRef: p.GatewayRef})
	if err != nil {
		return Authorized{}, Refusal(fmt.Errorf("ask where payment %s stands: %w", id, err))
	}
	answer, decided := in.decided(ctx, entry.Authorization)
	if !decided {
		return Authorized{Status: payment.StatusActionRequired, ActionURL: p.ActionURL}, nil
	}
	// The bank may be asked again when an authorisation has expired.
	st := stamp(ctx, fmt.Sprintf("record-payment/%d/%s", p.Generation+1, answer.Status), in.OrderID, in.At)
	err = changeAggregate(ctx, a, paymentAggregate, id, st, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: answer.Status, GatewayRef: answer.GatewayRef,
			DeclineCode: answer.DeclineCode, ExpiresAt: answer.ExpiresAt, At: in.At,
		})
	})
	if isRefusal(err, payment.CodePaymentClosed) && answer.Status == payment.StatusAuthorized {
		if voidErr := a.voidLatePayment(ctx, id, answer.GatewayRef, in.At); voidErr != nil {
			return Authorized{}, voidErr
		}
	}
	return Authorized{Status: answer.Status, DeclineCode: answer.DeclineCode}, err
}

// decided returns what the gateway has decided, and false while it has not. An authorisation of another amount or
// currency is none of this payment: nothing is recorded, and somebody has to look.
func (in RecordPayment) decided(ctx context.Context, now payments.Authorization) (payments.AuthorizeResult, bool) {
	answer := now.AuthorizeResult
	switch answer.Status {
	case payment.StatusAuthorized:
		if !now.Amount.SameCurrency(in.Amount) || now.Amount.Cmp(in.Amount) != 0 {
			activity.GetLogger(ctx).Error("The gateway has authorised another amount than was asked for.",
				"order_id", in.OrderID, "gateway_ref", answer.GatewayRef, "asked", in.Amount.String(), "authorised", now.Amount.String())
			countReport(ctx, ReportMismatch)
			return answer, false
		}
	case payment.StatusDeclined:
	case payment.StatusVoided, payment.StatusExpired:
		answer.Status, answer.DeclineCode = payment.StatusDeclined, "payment_cancelled"
	default:
		return answer, false
	}
	return answer, true
}

// voidLatePayment lets go of what the gateway has authorised for a payment that was closed meanwhile.
func (a *Activities) voidLatePayment(ctx context.Context, id uuid.UUID, ref string, at time.Time) error {
	err := a.gateway.Void(ctx, payments.VoidRequest{IdempotencyKey: id.String() + "/void-late", AskedAt: at, PaymentID: id, GatewayRef: ref})
	if err != nil {
		return Refusal(fmt.Errorf("void payment %s, authorised too late: %w", id, err))
	}
	return nil
}
