package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// VoidPayment asks to let go of what is authorised and not captured.
type VoidPayment struct {
	OrderID uuid.UUID
	Reason  string
	At      time.Time
}

// Void records that the rest of an authorisation was let go.
//
// It returns no events when there is nothing to let go: declined, voided, or all captured. On a
// payment of which nothing is known it closes the payment, so that an authorisation which is still
// under way can't revive it.
func Void(p Payment, c VoidPayment) []domain.Event {
	voided := PaymentVoided{PaymentID: ID(c.OrderID), OrderID: c.OrderID, Reason: c.Reason, VoidedAt: c.At}
	switch p.Status {
	case "", StatusActionRequired, StatusExpired:
		voided.Amount = money.Zero(p.Authorized.Currency)
	case StatusAuthorized, StatusCaptured, StatusRefunded:
		voided.Amount = p.Capturable()
		if voided.Amount.IsZero() && !p.Lapsed {
			return nil
		}
	default:
		return nil
	}
	return []domain.Event{voided}
}
