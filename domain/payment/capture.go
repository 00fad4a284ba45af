package payment

import (
	"slices"
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
	CaptureID uuid.UUID
	// Amount is what the gateway is asked for. It may be nothing when Applied is something.
	Amount money.Money
	// Applied is what was captured elsewhere and pays for this too: see [Payment.Applicable].
	Applied    money.Money
	GatewayRef string
	At         time.Time
}

// Capture records a capture. Called before the gateway is asked, it says whether the capture would be allowed. No
// events and no error then mean that the capture was made before.
//
// Errors: not_capturable when nothing is authorised; authorization_expired, after which [Expire] and a new
// authorisation help; payment_required while the order waits for money; capture_exceeds_authorization.
//
// Of Applied it records what is there: money that went back meanwhile pays for nothing.
func Capture(p Payment, c CapturePayment) ([]domain.Event, error) {
	if _, done := p.Captures[c.CaptureID]; done {
		return nil, nil
	}
	events := Apply(p, c.CaptureID, c.Applied, c.At)
	if len(events) > 0 && c.Amount.IsZero() {
		return events, nil
	}
	switch {
	case p.Required != nil && !p.Holds(c.At):
		return nil, domain.Refuse(CodePaymentRequired, "%s of payment %s are missing: %s", p.Required.Amount, p.ID, p.Required.Reason)
	case p.Status != StatusVoided && (p.Lapsed || p.Requested != nil && c.GatewayRef == ""): // what was taken is recorded
		return nil, domain.Refuse(CodeAuthorizationExpired, "the authorisation of payment %s has ended, or is being replaced", p.ID)
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
	return append(events, PaymentCaptured{
		PaymentID: p.ID, OrderID: p.OrderID, CaptureID: c.CaptureID, Amount: c.Amount, GatewayRef: c.GatewayRef, CapturedAt: c.At,
	}), nil
}

// CaptureFailure is a capture that the gateway has refused for good: a person has to look into it.
type CaptureFailure struct {
	CaptureID uuid.UUID `json:"capture_id"`
	// Attempt is the capture that was refused last, counted from 1.
	Attempt  int         `json:"attempt"`
	Amount   money.Money `json:"amount"`
	Cause    string      `json:"cause"`
	FailedAt time.Time   `json:"failed_at"`
	// Generation is the payment's authorisation that it was to be taken from.
	Generation int `json:"generation,omitempty"`
	// Carrier and TrackingNumber are as in [CaptureFailed].
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber string `json:"tracking_number,omitempty"`
}

// The pauses after a refused capture, in which the gateway is not asked for the same again. Each is twice the one
// before.
const (
	CapturePause    = 5 * time.Second
	CapturePauseMax = 5 * time.Minute
)

// RefusedShortlyBefore returns the refusal that answers a capture: the gateway has refused the same one, and the pause
// after that is not over. Another amount or another authorisation is asked for at once.
func RefusedShortlyBefore(p Payment, c CapturePayment) (CaptureFailure, bool) {
	i := p.captureFailureIndex(c.CaptureID)
	if i < 0 {
		return CaptureFailure{}, false
	}
	f := p.CaptureFailures[i]
	pause := CapturePause
	for n := 1; n < f.Attempt && pause < CapturePauseMax; n++ {
		pause *= 2
	}
	since := c.At.Sub(f.FailedAt)
	same := f.Generation == p.Generation && f.Amount.SameCurrency(c.Amount) && f.Amount.Cmp(c.Amount) == 0
	return f, same && since >= 0 && since < min(pause, CapturePauseMax)
}

// FailedCapture says that the gateway refuses a capture for good.
type FailedCapture struct {
	CaptureID uuid.UUID
	// Attempt is which capture was refused: [Payment.CaptureAttempt] before the gateway was asked.
	Attempt int
	Amount  money.Money
	// Cause is the gateway's reason.
	Cause string
	// Carrier and TrackingNumber are as in [CaptureFailed].
	Carrier, TrackingNumber string
	At                      time.Time
}

// FailCapture records that the gateway has refused a capture, so that it is seen. It returns no events when that is
// known, or the capture was made meanwhile.
func FailCapture(p Payment, c FailedCapture) []domain.Event {
	if _, done := p.Captures[c.CaptureID]; done || c.Attempt != p.CaptureAttempt(c.CaptureID) {
		return nil
	}
	return []domain.Event{CaptureFailed{
		PaymentID: p.ID, OrderID: p.OrderID, CaptureID: c.CaptureID, Attempt: c.Attempt, Amount: c.Amount,
		Cause: domain.Clip(domain.Valid(c.Cause)), FailedAt: c.At, Carrier: c.Carrier, TrackingNumber: c.TrackingNumber,
	}}
}

// RefusedCaptures are the captures that the gateway refuses from the authorisation that there is. What it refused of an
// earlier one is over: the money was authorised anew, or the order waits for it.
func (p Payment) RefusedCaptures() (refused []CaptureFailure) {
	for _, f := range p.CaptureFailures {
		if !p.Lapsed && f.Generation == p.Generation {
			refused = append(refused, f)
		}
	}
	return refused
}

// RefusedCapture returns the last refusal of a capture, from whichever authorisation; false when there is none.
func (p Payment) RefusedCapture(id uuid.UUID) (CaptureFailure, bool) {
	i := p.captureFailureIndex(id)
	if i < 0 {
		return CaptureFailure{}, false
	}
	return p.CaptureFailures[i], true
}

// CaptureAttempt numbers the next capture of this id, from 1. After a refusal the gateway is asked under another key,
// because it repeats what it has answered under the one before.
func (p Payment) CaptureAttempt(id uuid.UUID) int {
	if i := p.captureFailureIndex(id); i >= 0 {
		return p.CaptureFailures[i].Attempt + 1
	}
	return 1
}

// withoutCaptureFailure returns the failures but that of one capture. It shares nothing with p when it changes.
func (p Payment) withoutCaptureFailure(id uuid.UUID) []CaptureFailure {
	i := p.captureFailureIndex(id)
	if i < 0 {
		return slices.Clip(p.CaptureFailures)
	}
	return slices.Delete(slices.Clone(p.CaptureFailures), i, i+1)
}

func (p Payment) captureFailureIndex(id uuid.UUID) int {
	return slices.IndexFunc(p.CaptureFailures, func(f CaptureFailure) bool { return f.CaptureID == id })
}
