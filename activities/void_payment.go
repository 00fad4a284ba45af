package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// VoidPayment is the input of [Activities.VoidPayment].
type VoidPayment struct {
	OrderID uuid.UUID `json:"order_id"`
	Reason  string    `json:"reason"`
	// Currency is the order's, for a payment of which no amount is known.
	Currency string `json:"currency,omitempty"`
	// Unsecured voids nothing that was authorised, and nothing of an order that is confirmed. That is for its own saga.
	Unsecured bool      `json:"unsecured,omitempty"`
	At        time.Time `json:"at"`
}

// Voided is how the gateway has answered a void.
type Voided struct {
	// Refused is why the gateway refuses to let the money go; empty when it has, or there is none.
	Refused string `json:"refused,omitempty"`
}

// VoidPayment lets go of what is authorised and not captured, also when the answer to the
// authorisation never came. It does nothing when there is nothing to let go.
//
// A refusal of the gateway is an answer, and recorded, so that the money which it still holds is seen. Asking at
// another time tries again.
func (a *Activities) VoidPayment(ctx context.Context, in VoidPayment) (Voided, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return Voided{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	if f := p.VoidFailure; f != nil && f.FailedAt.Equal(in.At) {
		return Voided{Refused: f.Cause}, nil // this step's own refusal, whose answer was lost
	}
	if in.Unsecured {
		o, err := a.foldOrder(ctx, in.OrderID)
		confirmed := o.Status != "" && o.Status != order.StatusCreated && o.Status != order.StatusCancelled
		if err != nil || confirmed || p.Capturable().IsPositive() || p.CapturedAtGateway().IsPositive() {
			return Voided{}, err
		}
	}
	void := payment.VoidPayment{OrderID: in.OrderID, Reason: in.Reason, Currency: in.Currency, At: in.At}
	if len(payment.Void(p, void)) == 0 {
		return Voided{}, nil
	}
	// The gateway first: if it can't be reached the step is retried, and nobody was told anything yet.
	// An authorisation without an answer may be on its way at this moment, also one of an earlier saga. So this saga's
	// question counts, and not that of an earlier one.
	attempt := p.VoidAttempt()
	request := payments.VoidRequest{
		IdempotencyKey: voidKey(id, attempt), AskedAt: in.At, PaymentID: id, GatewayRef: p.GatewayRef, Captured: p.CapturedAtGateway(),
	}
	if p.Requested != nil || p.Status != payment.StatusActionRequired && (p.NeedsAuthorization(money.Money{}) || p.Lapsed) {
		request.AuthorizeKey = authorizeKey(id, p.Generation+1)
	}
	err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, a.gateway.Void(ctx, request))
	var refused *domain.Error
	switch {
	case errors.As(err, &refused):
		st := stamp(ctx, fmt.Sprintf("void-payment/failed/%d", attempt), in.OrderID, in.At)
		after, _, err := a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) {
			return payment.FailVoid(p, payment.FailedVoid{OrderID: in.OrderID, Attempt: attempt, Cause: refused.Message, At: in.At}), nil
		})
		if err != nil || after.VoidFailure == nil {
			return Voided{}, err
		}
		return Voided{Refused: after.VoidFailure.Cause}, nil
	case err != nil:
		return Voided{}, Refusal(fmt.Errorf("void payment %s: %w", id, err))
	}
	return Voided{}, changeAggregate(ctx, a, paymentAggregate, id, stamp(ctx, "void-payment", in.OrderID, in.At), func(p payment.Payment) ([]domain.Event, error) {
		return payment.Void(p, void), nil
	})
}

// voidKey is the idempotency key of a void. One that was refused is asked for again under another key.
func voidKey(id uuid.UUID, attempt int) string {
	if attempt == 1 {
		return id.String() + "/void"
	}
	return fmt.Sprintf("%s/void/%d", id, attempt)
}
