package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Refusals.
const (
	// CodeNotCapturable refuses a capture where nothing is authorised.
	CodeNotCapturable domain.ErrorCode = "not_capturable"
	// CodeAuthorizationExpired refuses a capture that comes after the authorisation has run out.
	CodeAuthorizationExpired domain.ErrorCode = "authorization_expired"
	// CodeCaptureExceedsAuthorization refuses to capture more than is authorised and not captured.
	CodeCaptureExceedsAuthorization domain.ErrorCode = "capture_exceeds_authorization"
)

// CapturePayment asks to take part of the authorised money.
type CapturePayment struct {
	CaptureID  uuid.UUID
	Amount     money.Money
	GatewayRef string
	At         time.Time
}

// Capture records a capture. Called before the gateway is asked, it says whether the capture would be allowed. No
// events and no error then mean that the capture was made before.
//
// Errors: not_capturable when nothing is authorised; authorization_expired, after which [Expire] and a new
// authorisation help; capture_exceeds_authorization.
func Capture(p Payment, c CapturePayment) ([]domain.Event, error) {
	if _, done := p.Captures[c.CaptureID]; done {
		return nil, nil
	}
	switch p.Status {
	case StatusAuthorized, StatusCaptured, StatusRefunded: // a refunded shipment leaves the others to be captured
	default:
		return nil, domain.Refuse(CodeNotCapturable, "payment %s is %s", p.ID, p.Status)
	}
	if !p.ExpiresAt.IsZero() && !c.At.Before(p.ExpiresAt) {
		return nil, domain.Refuse(CodeAuthorizationExpired, "the authorisation of payment %s held until %s",
			p.ID, p.ExpiresAt.Format(time.RFC3339))
	}
	if !c.Amount.IsPositive() || !c.Amount.SameCurrency(p.Authorized) || c.Amount.Cmp(p.Capturable()) > 0 {
		return nil, domain.Refuse(CodeCaptureExceedsAuthorization, "can capture %s of payment %s, asked for %s", p.Capturable(), p.ID, c.Amount)
	}
	return []domain.Event{PaymentCaptured{
		PaymentID: p.ID, OrderID: p.OrderID, CaptureID: c.CaptureID, Amount: c.Amount, GatewayRef: c.GatewayRef, CapturedAt: c.At,
	}}, nil
}
