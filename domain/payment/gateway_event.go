package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
)

// EndReason is why an authorisation is gone.
type EndReason string

// The reasons.
const (
	// EndReasonExpired is an authorisation whose time has run out.
	EndReasonExpired EndReason = "expired"
	// EndReasonVoidedElsewhere is one that somebody has let go at the gateway. That includes a capture made elsewhere
	// that has ended the authorisation for the rest.
	EndReasonVoidedElsewhere EndReason = "voided_elsewhere"
)

// AuthorizationEnded says that the gateway holds the reserved money no more, and that no void of ours has let it go.
// What is not captured has to be authorised anew.
type AuthorizationEnded struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// Amount is what was reserved and not captured.
	Amount money.Money `json:"amount"`
	Reason EndReason   `json:"reason"`
	// GatewayRef is the gateway's reference of the authorisation.
	GatewayRef string    `json:"gateway_ref"`
	EndedAt    time.Time `json:"ended_at"`
}

// PaymentAuthorizedLate says that the gateway has reserved money after the payment was declined or voided. It is let go
// again: a [PaymentVoided] or a [VoidFailed] comes with it.
type PaymentAuthorizedLate struct {
	PaymentID    uuid.UUID   `json:"payment_id"`
	OrderID      uuid.UUID   `json:"order_id"`
	Amount       money.Money `json:"amount"`
	GatewayRef   string      `json:"gateway_ref"`
	AuthorizedAt time.Time   `json:"authorized_at"`
}

// PaymentCapturedElsewhere says that money was taken which this platform has not asked for, such as in the gateway's
// dashboard. It belongs to no shipment until [CaptureApplied] says so.
type PaymentCapturedElsewhere struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// Amount is what was taken since the last event of this CaptureRef.
	Amount money.Money `json:"amount"`
	// CaptureRef is the gateway's reference of the capture, and GatewayRef that of the authorisation.
	CaptureRef string    `json:"capture_ref"`
	GatewayRef string    `json:"gateway_ref"`
	CapturedAt time.Time `json:"captured_at"`
}

// CaptureApplied says that money which was captured elsewhere pays for a shipment. It takes no money. What it does not
// pay for is in the [PaymentCaptured] of the same capture.
type CaptureApplied struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// CaptureID is as in [PaymentCaptured].
	CaptureID uuid.UUID   `json:"capture_id"`
	Amount    money.Money `json:"amount"`
	AppliedAt time.Time   `json:"applied_at"`
}
