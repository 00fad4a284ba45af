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
	AuthorizationEnded{},
	PaymentAuthorizedLate{},
	AuthorizationRequested{},
	AuthorizationEnding{},
	PaymentRequired{},
	PaymentCaptured{},
	CaptureFailed{},
	PaymentCapturedElsewhere{},
	CaptureApplied{},
	CaptureWaived{},
	PaymentVoided{},
	VoidFailed{},
	VoidResolved{},
	RefundOwed{},
	RefundRequested{},
	RefundReduced{},
	RefundPending{},
	PaymentRefunded{},
	RefundFailed{},
	RefundResolved{},
	CreditReturned{},
	CreditSettled{},
	DisputeOpened{},
	DisputeFundsWithdrawn{},
	DisputeWon{},
	DisputeLost{},
	PaymentDifferenceFound{},
	PaymentDifferenceEnded{},
	GatewayCredentialsRefused{},
	GatewayCredentialsAccepted{},
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

// PaymentAuthorizationExpired says what [AuthorizationEnded] says with the reason expired. Events of it are read, and
// none is written any more.
type PaymentAuthorizationExpired struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	ExpiredAt time.Time   `json:"expired_at"`
}

// AuthorizationRequested says that the gateway is about to be asked for an authorisation once more. The first one of a
// payment has no such event.
type AuthorizationRequested struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// Attempt numbers the authorisations of the payment. It is part of the idempotency key.
	Attempt int         `json:"attempt"`
	Amount  money.Money `json:"amount"`
	// Reason is authorization_ended, renewal, or payment_method: the customer has given another means of payment.
	Reason string `json:"reason"`
	// Replaces is the gateway's reference of an authorisation that is let go once this one is made. Abandons is that of
	// one which waits for the customer's bank, and is let go before.
	Replaces string `json:"replaces,omitempty"`
	Abandons string `json:"abandons,omitempty"`
	// RequestID, RequestHash, Token and Keep are there with another means of payment alone. Token seals the payment
	// token, a JSON string, under the customer's key. Only the steps of the payment open it.
	RequestID   uuid.UUID     `json:"request_id,omitzero"`
	RequestHash string        `json:"request_hash,omitempty"`
	Token       domain.Sealed `json:"token,omitzero"`
	Keep        bool          `json:"keep_payment_method,omitempty"`
	RequestedAt time.Time     `json:"requested_at"`
}

// AuthorizationEnding says that the reserved money is about to be let go by the gateway, and can't be reserved anew
// without the customer.
type AuthorizationEnding struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	Reason    string      `json:"reason"`
	ExpiresAt time.Time   `json:"expires_at"`
	EndingAt  time.Time   `json:"ending_at"`
}

// PaymentRequired says that money is missing which was authorised before, or was to be. The customer has to give
// another means of payment, or confirm the payment at the bank.
type PaymentRequired struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// Amount is what is missing.
	Amount money.Money `json:"amount"`
	// Reason is the code of the decline, or why nothing could be asked for: payment_method_not_kept,
	// payment_token_gone, action_required.
	Reason     string    `json:"reason"`
	RequiredAt time.Time `json:"required_at"`
	// DeadlineAt is when everything that has not left is cancelled. It stays when the event comes again.
	DeadlineAt time.Time `json:"deadline_at"`
}

// PaymentDifferenceFound says that the gateway's ledger and this stream disagree. It moves no money: a person looks
// into it.
type PaymentDifferenceFound struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// What names the amount that differs: held, captured or refunded.
	What    string      `json:"what"`
	Gateway money.Money `json:"gateway"`
	Stream  money.Money `json:"stream"`
	FoundAt time.Time   `json:"found_at"`
}

// PaymentDifferenceEnded says that the gateway's ledger and this stream agree again on an amount that differed.
type PaymentDifferenceEnded struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// What is as in [PaymentDifferenceFound].
	What string `json:"what"`
	// Amount is what both say now.
	Amount  money.Money `json:"amount"`
	EndedAt time.Time   `json:"ended_at"`
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

// CaptureFailed says that the gateway has refused for good to take part of the authorised money. The shipment stays.
type CaptureFailed struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	CaptureID uuid.UUID `json:"capture_id"`
	// Attempt counts the captures of this id that were refused.
	Attempt  int         `json:"attempt"`
	Amount   money.Money `json:"amount"`
	Cause    string      `json:"cause"`
	FailedAt time.Time   `json:"failed_at"`
	// Carrier and TrackingNumber are those of the report of the shipment, for who tries it again.
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber string `json:"tracking_number,omitempty"`
}

// CaptureWaived says that money which the customer owes for goods that have left is not taken. It is less than the
// gateway captures, and no later capture is left to take it with.
type CaptureWaived struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// WaiverID follows from the fact that left it behind.
	WaiverID uuid.UUID   `json:"waiver_id"`
	Amount   money.Money `json:"amount"`
	// Reason is below_minimum, or shipment_lost or shipment_refused for goods that never arrived.
	Reason string `json:"reason"`
	// Lines are what of it each line of the order is spared: that is not refunded either.
	Lines    []RefundLine `json:"lines,omitempty"`
	WaivedAt time.Time    `json:"waived_at"`
}

// PaymentVoided says that what was authorised and not captured is free again.
type PaymentVoided struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	Amount    money.Money `json:"amount"`
	Reason    string      `json:"reason"`
	VoidedAt  time.Time   `json:"voided_at"`
}

// RefundOwed says that a fact owes the customer money. It is recorded with that fact, and reserves the amount.
type RefundOwed struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	// Amount is in the gateway's steps. It is nothing where all of it is covered, or less than a step.
	Amount money.Money `json:"amount"`
	// Rest is what all obligations so far leave over below the gateway's step. The next one takes it along.
	Rest money.Money `json:"rest,omitzero"`
	// Covered is what the fact owes besides, and refunds give back that nobody owed. It is owed once they fail.
	// CoveredLines are what of it they give back of the same lines.
	Covered      money.Money  `json:"covered,omitzero"`
	CoveredLines []RefundLine `json:"covered_lines,omitempty"`
	// Completes is the obligation of which this was covered. InsteadOf is the refund that had covered it, and failed.
	// They are zero for a fact of its own.
	Completes uuid.UUID `json:"completes,omitzero"`
	InsteadOf uuid.UUID `json:"instead_of,omitzero"`
	// Reason names the fact: return, shipment_lost, shipment_refused or shipment_cancelled.
	Reason string       `json:"reason"`
	Lines  []RefundLine `json:"lines,omitempty"`
	OwedAt time.Time    `json:"owed_at"`
}

// RefundRequested says that the gateway is about to be asked for a refund. It reserves the amount.
type RefundRequested struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	// Amount is the whole refund. Parts are what is asked for now; an earlier attempt may have got a part of it.
	Amount      money.Money  `json:"amount"`
	Reason      string       `json:"reason"`
	Lines       []RefundLine `json:"lines,omitempty"`
	Parts       []RefundPart `json:"parts"`
	RequestedAt time.Time    `json:"requested_at"`
}

// RefundReduced says that less is owed than was recorded, because the money went back otherwise.
type RefundReduced struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	// Amount is what is owed now; it may be nothing.
	Amount    money.Money `json:"amount"`
	Reason    string      `json:"reason"`
	ReducedAt time.Time   `json:"reduced_at"`
}

// RefundPending says that the gateway has accepted a refund and will pay it out later.
type RefundPending struct {
	PaymentID  uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	RefundID   uuid.UUID   `json:"refund_id"`
	Attempt    int         `json:"attempt"`
	Amount     money.Money `json:"amount"`
	GatewayRef string      `json:"gateway_ref"`
	AcceptedAt time.Time   `json:"accepted_at"`
}

// PaymentRefunded says that captured money went back.
type PaymentRefunded struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	// Attempt is the part of [RefundRequested] that was paid; 0 in events of version 1.
	Attempt    int         `json:"attempt"`
	Amount     money.Money `json:"amount"`
	Reason     string      `json:"reason"`
	GatewayRef string      `json:"gateway_ref"`
	// MadeElsewhere is true of a refund that this platform has not asked for, of the gateway's payment Source.
	MadeElsewhere bool      `json:"made_elsewhere,omitempty"`
	Source        string    `json:"source,omitempty"`
	RefundedAt    time.Time `json:"refunded_at"`
}

// RefundFailed says that the gateway has refused a refund, or that it came back. Its amount was not refunded.
type RefundFailed struct {
	PaymentID uuid.UUID   `json:"payment_id"`
	OrderID   uuid.UUID   `json:"order_id"`
	RefundID  uuid.UUID   `json:"refund_id"`
	Attempt   int         `json:"attempt"`
	Amount    money.Money `json:"amount"`
	// GatewayRef is empty when the gateway has refused the request.
	GatewayRef string `json:"gateway_ref,omitempty"`
	// Cause is the gateway's reason.
	Cause    string    `json:"cause"`
	FailedAt time.Time `json:"failed_at"`
}

// VoidFailed says that the gateway has refused for good to let an authorisation go: it still holds the money.
type VoidFailed struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// Attempt counts the voids that were refused.
	Attempt  int         `json:"attempt"`
	Amount   money.Money `json:"amount"`
	Cause    string      `json:"cause"`
	FailedAt time.Time   `json:"failed_at"`
}

// CreditReturned says that another order has given back an amount of the credit that it had from this payment. All of
// the credit is over. What stands of it is given anew, in the same append.
type CreditReturned struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// RefundID is the refund by which the credit was given, and From the other order.
	RefundID   uuid.UUID   `json:"refund_id"`
	From       uuid.UUID   `json:"from"`
	Amount     money.Money `json:"amount"`
	ReturnedAt time.Time   `json:"returned_at"`
}

// CreditSettled says that a person has seen to a credit whose goods never came, outside of the platform.
type CreditSettled struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	// RefundID is the refund by which the credit was given.
	RefundID uuid.UUID `json:"refund_id"`
	// Amount is what the customer has paid for it otherwise; it may be nothing.
	Amount     money.Money `json:"amount"`
	Reference  string      `json:"reference"`
	ResolvedBy string      `json:"resolved_by"`
	ResolvedAt time.Time   `json:"resolved_at"`
}

// RefundResolved says that a person has settled a failed refund outside of the platform. Nothing more of it is owed.
type RefundResolved struct {
	PaymentID uuid.UUID `json:"payment_id"`
	OrderID   uuid.UUID `json:"order_id"`
	RefundID  uuid.UUID `json:"refund_id"`
	// Attempt numbers it among the attempts at the refund.
	Attempt int `json:"attempt"`
	// Amount is what went back; it may be nothing.
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference"`
	// CountedBefore is true when a refund of this reference was known: the amount is not counted again.
	CountedBefore bool      `json:"counted_before,omitempty"`
	ResolvedBy    string    `json:"resolved_by"`
	ResolvedAt    time.Time `json:"resolved_at"`
}

// VoidResolved says that the gateway holds nothing any more, by what a person has seen to.
type VoidResolved struct {
	PaymentID  uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	Amount     money.Money `json:"amount"`
	Reference  string      `json:"reference"`
	ResolvedBy string      `json:"resolved_by"`
	ResolvedAt time.Time   `json:"resolved_at"`
}

// DisputeOpened says that the customer claims captured money back at the bank.
type DisputeOpened struct {
	PaymentID  uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	GatewayRef string      `json:"gateway_ref"`
	Amount     money.Money `json:"amount"`
	// Reason is the bank's, such as "fraudulent".
	Reason   string    `json:"reason"`
	OpenedAt time.Time `json:"opened_at"`
}

// DisputeFundsWithdrawn says that the bank has taken the disputed money for as long as the dispute lasts.
type DisputeFundsWithdrawn struct {
	PaymentID   uuid.UUID   `json:"payment_id"`
	OrderID     uuid.UUID   `json:"order_id"`
	GatewayRef  string      `json:"gateway_ref"`
	Amount      money.Money `json:"amount"`
	WithdrawnAt time.Time   `json:"withdrawn_at"`
}

// DisputeWon says that the disputed money is the merchant's.
type DisputeWon struct {
	PaymentID  uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	GatewayRef string      `json:"gateway_ref"`
	Amount     money.Money `json:"amount"`
	WonAt      time.Time   `json:"won_at"`
}

// DisputeLost says that the disputed money went back to the customer for good.
type DisputeLost struct {
	PaymentID  uuid.UUID   `json:"payment_id"`
	OrderID    uuid.UUID   `json:"order_id"`
	GatewayRef string      `json:"gateway_ref"`
	Amount     money.Money `json:"amount"`
	LostAt     time.Time   `json:"lost_at"`
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

func (AuthorizationRequested) EventType() string { return "AuthorizationRequested" }
func (AuthorizationRequested) EventVersion() int { return 1 }

func (AuthorizationEnding) EventType() string { return "AuthorizationEnding" }
func (AuthorizationEnding) EventVersion() int { return 1 }

func (PaymentRequired) EventType() string { return "PaymentRequired" }
func (PaymentRequired) EventVersion() int { return 1 }

func (PaymentDifferenceFound) EventType() string { return "PaymentDifferenceFound" }
func (PaymentDifferenceFound) EventVersion() int { return 1 }

func (PaymentRefunded) EventType() string { return "PaymentRefunded" }
func (PaymentRefunded) EventVersion() int { return 2 }

func (RefundOwed) EventType() string { return "RefundOwed" }
func (RefundOwed) EventVersion() int { return 2 }

func (RefundRequested) EventType() string { return "RefundRequested" }
func (RefundRequested) EventVersion() int { return 2 }

func (RefundReduced) EventType() string { return "RefundReduced" }
func (RefundReduced) EventVersion() int { return 1 }

func (RefundPending) EventType() string { return "RefundPending" }
func (RefundPending) EventVersion() int { return 1 }

func (RefundFailed) EventType() string { return "RefundFailed" }
func (RefundFailed) EventVersion() int { return 1 }

func (CaptureFailed) EventType() string { return "CaptureFailed" }
func (CaptureFailed) EventVersion() int { return 2 }

func (CaptureWaived) EventType() string { return "CaptureWaived" }
func (CaptureWaived) EventVersion() int { return 2 }

func (RefundResolved) EventType() string { return "RefundResolved" }
func (RefundResolved) EventVersion() int { return 1 }

func (CreditReturned) EventType() string { return "CreditReturned" }
func (CreditReturned) EventVersion() int { return 1 }

func (CreditSettled) EventType() string { return "CreditSettled" }
func (CreditSettled) EventVersion() int { return 1 }

func (VoidResolved) EventType() string { return "VoidResolved" }
func (VoidResolved) EventVersion() int { return 1 }

func (VoidFailed) EventType() string { return "VoidFailed" }
func (VoidFailed) EventVersion() int { return 1 }

func (DisputeOpened) EventType() string { return "DisputeOpened" }
func (DisputeOpened) EventVersion() int { return 1 }

func (DisputeFundsWithdrawn) EventType() string { return "DisputeFundsWithdrawn" }
func (DisputeFundsWithdrawn) EventVersion() int { return 1 }

func (DisputeWon) EventType() string { return "DisputeWon" }
func (DisputeWon) EventVersion() int { return 1 }

func (DisputeLost) EventType() string { return "DisputeLost" }
func (DisputeLost) EventVersion() int { return 1 }

func (PaymentDifferenceEnded) EventType() string { return "PaymentDifferenceEnded" }
func (PaymentDifferenceEnded) EventVersion() int { return 1 }

func (AuthorizationEnded) EventType() string { return "AuthorizationEnded" }
func (AuthorizationEnded) EventVersion() int { return 1 }

func (PaymentAuthorizedLate) EventType() string { return "PaymentAuthorizedLate" }
func (PaymentAuthorizedLate) EventVersion() int { return 1 }

func (PaymentCapturedElsewhere) EventType() string { return "PaymentCapturedElsewhere" }
func (PaymentCapturedElsewhere) EventVersion() int { return 1 }

func (CaptureApplied) EventType() string { return "CaptureApplied" }
func (CaptureApplied) EventVersion() int { return 1 }
