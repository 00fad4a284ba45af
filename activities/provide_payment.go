package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
)

// ProvidePayment is the input of [Activities.ProvidePayment].
type ProvidePayment struct {
	OrderID    uuid.UUID `json:"order_id"`
	CustomerID string    `json:"customer_id"`
	// RequestID and RequestHash tell a request that comes again from another one.
	RequestID   uuid.UUID `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	// Token seals the payment token, and Keep is as in [payments.AuthorizeRequest].
	Token domain.Sealed `json:"token"`
	Keep  bool          `json:"keep_payment_method,omitempty"`
	// Amount is what has not left and is to be captured.
	Amount money.Money `json:"amount"`
	At     time.Time   `json:"at"`
}

// ProvidePayment records another means of payment for an order that waits for money. It asks nobody:
// [Activities.AuthorizePayment] does. Replayed tells that it was recorded before. A token that nobody can open is
// refused.
//
// Refusals: invalid; idempotency_key_reused; payment_not_required; payment_under_way.
func (a *Activities) ProvidePayment(ctx context.Context, in ProvidePayment) (Changed, error) {
	token, err := a.readable(ctx, in.CustomerID, "payment_token", in.Token)
	if err != nil {
		return Changed{}, err
	}
	st := asked(ctx, "provide-payment/"+in.RequestID.String(), in.OrderID, in.At)
	_, replayed, err := a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) {
		return payment.Provide(p, payment.ProvideMethod{
			RequestID: in.RequestID, RequestHash: in.RequestHash, Token: token, Keep: in.Keep,
			Amount: a.limits(in.Amount.Currency).Ceil(in.Amount), At: in.At,
		})
	})
	return Changed{Replayed: replayed}, err
}

// readable returns what was sealed for a customer, under the customer's key, after it has been opened. What nobody can
// open is refused, because no later attempt can either. Refusal: invalid, for the field.
func (a *Activities) readable(ctx context.Context, customerID, field string, s domain.Sealed) (domain.Sealed, error) {
	sealed, err := a.vault.Reseal(ctx, customerID, s)
	if err == nil {
		err = a.vault.Open(ctx, sealed, &json.RawMessage{})
	}
	switch {
	case closedForGood(err):
		return sealed, Refusal(domain.Invalid(field, "can't be opened: %s", domain.Clip(err.Error())))
	case err != nil:
		return sealed, fmt.Errorf("seal the %s of customer %s: %w", field, customerID, err)
	}
	return sealed, nil
}
