package activities

import (
	"context"
	"errors"
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
	// Within is as in [AuthorizePayment].
	Within time.Duration `json:"within,omitempty"`
	At     time.Time     `json:"at"`
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
	switch answer, known := a.known(p, in.Amount, in.At); {
	case p.Requested != nil: // whoever gave another means of payment asks the gateway
		answer.Status = payment.StatusActionRequired
		return answer, nil
	case known && p.Status != payment.StatusActionRequired && p.Status != payment.StatusVoided:
		return answer, nil
	}
	in.Amount = p.Lacking(in.Amount)
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: id, GatewayRef: p.GatewayRef})
	if err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, err); err != nil {
		return Authorized{}, Refusal(fmt.Errorf("ask where payment %s stands: %w", id, err))
	}
	answer, decided := in.decided(ctx, entry.Authorization)
	if !decided {
		return Authorized{Status: payment.StatusActionRequired, ActionURL: p.ActionURL, Required: p.Required}, nil
	}
	// The bank may be asked again when an authorisation has expired.
	st := stamp(ctx, fmt.Sprintf("record-payment/%d/%s", p.Generation+1, answer.Status), in.OrderID, in.At)
	p, _, err = a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: in.Amount, Status: answer.Status, GatewayRef: answer.GatewayRef,
			DeclineCode: answer.DeclineCode, ExpiresAt: answer.ExpiresAt, Within: in.Within, At: in.At,
		})
	})
	if isRefusal(err, payment.CodePaymentClosed) && answer.Status == payment.StatusAuthorized {
		late := payment.LateAuthorization{Amount: entry.Balance.Held, GatewayRef: answer.GatewayRef, At: in.At}
		if voidErr := a.voidLatePayment(ctx, in.OrderID, late); voidErr != nil {
			return Authorized{}, voidErr
		}
	}
	out := Authorized{Status: answer.Status, DeclineCode: answer.DeclineCode, Required: p.Required, LookAt: a.lookAt(p)}
	if out.Status == payment.StatusDeclined && p.Required != nil {
		out.Status = payment.StatusPaymentRequired
	}
	return out, err
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

// voidLatePayment lets go of what the gateway has authorised for a payment that was closed meanwhile, and records that.
// A refusal of the gateway is recorded too, so that the money which it holds is seen. An amount of nothing is an
// authorisation that holds nothing yet: it is closed, and nothing recorded.
func (a *Activities) voidLatePayment(ctx context.Context, orderID uuid.UUID, late payment.LateAuthorization) error {
	id := payment.ID(orderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return fmt.Errorf("load payment %s: %w", id, err)
	}
	attempt := p.VoidAttempt()
	err = a.gateway.Void(ctx, payments.VoidRequest{
		IdempotencyKey: voidKey(id, attempt), AskedAt: late.At, PaymentID: id, GatewayRef: late.GatewayRef, Captured: p.CapturedAtGateway(),
	})
	err = a.noteAccess(ctx, orderID, p.Access, late.At, err)
	var refused *domain.Error
	if errors.As(err, &refused) && late.Amount.IsPositive() {
		err = nil
	}
	if err != nil {
		return Refusal(fmt.Errorf("void payment %s, authorised too late: %w", id, err))
	}
	st := stamp(ctx, fmt.Sprintf("void-late/%d", attempt), orderID, late.At)
	return changeAggregate(ctx, a, paymentAggregate, id, st, func(p payment.Payment) ([]domain.Event, error) {
		events := payment.AuthorizeLate(p, late)
		if len(events) == 0 {
			return nil, nil
		}
		if p = payment.Evolve(p.Clone(), events[0]); refused == nil {
			return append(events, payment.Void(p, payment.VoidPayment{OrderID: orderID, Reason: "authorised_too_late", At: late.At})...), nil
		}
		return append(events, payment.FailVoid(p, payment.FailedVoid{OrderID: orderID, Attempt: attempt, Cause: refused.Message, At: late.At})...), nil
	})
}
