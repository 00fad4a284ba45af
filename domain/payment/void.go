package payment

import (
	"cmp"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// VoidPayment asks to let go of what is authorised and not captured.
type VoidPayment struct {
	OrderID uuid.UUID
	Reason  string
	// Currency is the order's, for a payment of which no amount is known.
	Currency string
	At       time.Time
}

// Void records that the rest of an authorisation was let go.
//
// It returns no events when there is nothing to let go: declined or voided with nothing authorised since, or all
// captured. On a payment of which nothing is known it closes the payment, so that an authorisation which is still
// under way can't revive it.
func Void(p Payment, c VoidPayment) []domain.Event {
	voided := PaymentVoided{PaymentID: ID(c.OrderID), OrderID: c.OrderID, Reason: c.Reason, VoidedAt: c.At}
	if p.HeldLate.IsPositive() {
		voided.Amount = p.HeldLate
		return []domain.Event{voided}
	}
	switch p.Status {
	case "", StatusActionRequired, StatusExpired, StatusPaymentRequired:
		voided.Amount = money.Zero(cmp.Or(p.Authorized.Currency, p.Awaited.Currency, c.Currency))
	case StatusAuthorized, StatusCaptured, StatusRefunded:
		voided.Amount = p.Capturable()
		if voided.Amount.IsZero() && !p.Lapsed && p.Requested == nil && !p.awaitsFirst() {
			return nil
		}
	default:
		return nil
	}
	return []domain.Event{voided}
}

// FailedVoid says that the gateway refuses for good to let an authorisation go.
type FailedVoid struct {
	OrderID uuid.UUID
	// Attempt is which void was refused: [Payment.VoidAttempt] before the gateway was asked.
	Attempt int
	// Cause is the gateway's reason.
	Cause string
	At    time.Time
}

// FailVoid records that the gateway has refused a void, so that the money which it still holds is seen. It returns no
// events when that is known, or there is nothing to let go.
func FailVoid(p Payment, c FailedVoid) []domain.Event {
	if len(Void(p, VoidPayment{OrderID: c.OrderID, At: c.At})) == 0 || c.Attempt != p.VoidAttempt() {
		return nil
	}
	return []domain.Event{VoidFailed{
		PaymentID: ID(c.OrderID), OrderID: c.OrderID, Attempt: c.Attempt, Amount: p.Held().Add(p.Awaited), Cause: domain.Clip(domain.Valid(c.Cause)), FailedAt: c.At,
	}}
}

// VoidAttempt numbers the next void, from 1. Each has another key, because a gateway repeats what it has answered under
// the one before.
func (p Payment) VoidAttempt() int {
	return p.Voids + 1
}

// VoidFailure is a void that the gateway has refused for good: a person has to look into it.
type VoidFailure struct {
	// Attempt is the void that was refused last, counted from 1.
	Attempt int `json:"attempt"`
	// Amount is what the gateway still holds, as far as is known.
	Amount   money.Money `json:"amount"`
	Cause    string      `json:"cause"`
	FailedAt time.Time   `json:"failed_at"`
}
