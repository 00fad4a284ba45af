package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Events lists every event type of the payment stream, newest version of each.
var Events = []domain.Event{
	PaymentAuthorized{},
	PaymentDeclined{},
	PaymentActionRequired{},
	PaymentAuthorizationExpired{},
	PaymentCaptured{},
	PaymentVoided{},
	VoidFailed{},
	RefundOwed{},
	RefundRequested{},
	RefundReduced{},
	RefundPending{},
	PaymentRefunded{},
	RefundFailed{},
	DisputeOpened{},
	DisputeFundsWithdrawn{},
	DisputeWon{},
	DisputeLost{},
	PaymentDifferenceFound{},
}

// PaymentAuthorized says that the gateway has reserved the amount.
type PaymentAuthorized struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	// GatewayRef is the gateway's own id of the payment.
	GatewayRef   string    `json:"gateway_ref"`
	AuthorizedAt time.Time `json:"authorized_at"`
	// ExpiresAt is when the gateway lets the reserved money go.
	ExpiresAt time.Time `json:"expires_at"`
}

// PaymentDeclined says that the gateway has refused for good.
type PaymentDeclined struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	// Code is the gateway's reason, such as "card_declined" or "insufficient_funds".
	Code       string    `json:"code"`
	DeclinedAt time.Time `json:"declined_at"`
}

// PaymentActionRequired says that the customer's bank wants a confirmation from the customer first.
type PaymentActionRequired struct {
	PaymentID  uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	Amount     money.Money `json:"amount"`
	GatewayRef string      `json:"gateway_ref"`
	// ActionURL is where the customer confirms.
	ActionURL  string    `json:"action_url"`
	RequiredAt time.Time `json:"required_at"`
}

// PaymentAuthorizationExpired says that the gateway has let the reserved money go: what is not
// captured has to be authorised anew.
type PaymentAuthorizationExpired struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	ExpiredAt time.Time   `json:"expired_at"`
}

// PaymentDifferenceFound says that the gateway's ledger and this stream disagree. It changes nothing:
// a person looks into it.
type PaymentDifferenceFound struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// What names the amount that differs: held, captured or refunded.
	What    string      `json:"what"`
	Gateway money.Money `json:"gateway"`
	Stream  money.Money `json:"stream"`
	FoundAt time.Time   `json:"found_at"`
}

// PaymentCaptured says that part of the authorised money was taken.
type PaymentCaptured struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// CaptureID is the caller's id of this capture: the shipment's.
	CaptureID  uuid.UUID   `json:"capture_id"`
	Amount     money.Money `json:"amount"`
	GatewayRef string      `json:"gateway_ref"`
	CapturedAt time.Time   `json:"captured_at"`
}

// PaymentVoided says that what was authorised and not captured is free again.
type PaymentVoided struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	Reason    string      `json:"reason"`
	VoidedAt  time.Time   `json:"voided_at"`
}

func (PaymentAuthorized) EventType() string     { return "PaymentAuthorized" }
func (PaymentDeclined) EventType() string       { return "PaymentDeclined" }
func (PaymentActionRequired) EventType() string { return "PaymentActionRequired" }
func (PaymentCaptured) EventType() string       { return "PaymentCaptured" }
func (PaymentVoided) EventType() string         { return "PaymentVoided" }

func (PaymentAuthorized) EventVersion() int     { return 1 }
func (PaymentDeclined) EventVersion() int       { return 1 }
func (PaymentActionRequired) EventVersion() int { return 1 }
func (PaymentCaptured) EventVersion() int       { return 1 }
func (PaymentVoided) EventVersion() int         { return 1 }

func (PaymentAuthorizationExpired) EventType() string { return "PaymentAuthorizationExpired" }
func (PaymentAuthorizationExpired) EventVersion() int { return 1 }

func (PaymentDifferenceFound) EventType() string { return "PaymentDifferenceFound" }
func (PaymentDifferenceFound) EventVersion() int { return 1 }
