package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
)

// region gateway

// Gateway is a payment gateway.
//
// Each call may be repeated: the same idempotency key gives the same outcome and takes effect once.
// An error that is no [domain.Error] ([ErrNoAnswer]) means that the outcome is unknown. The caller then
// asks again under the same key, with the same AskedAt, for as long as it wants to know.
type Gateway interface {
	// Authorize reserves money, or says why not. A decline is an answer, not an error.
	Authorize(ctx context.Context, r AuthorizeRequest) (AuthorizeResult, error)
	// Capture takes money that was authorised. Error: gateway_refused.
	Capture(ctx context.Context, r CaptureRequest) (CaptureResult, error)
	// Void lets go of what is authorised and not captured. It does nothing when there is nothing to let
	// go. A payment that the gateway has not heard of yet can't be authorised afterwards.
	Void(ctx context.Context, r VoidRequest) error
	// Refund gives captured money back, at once or later. Error: gateway_refused, also when it has failed since.
	Refund(ctx context.Context, r RefundRequest) (RefundResult, error)
	// Find asks the gateway where a payment stands now. It answers no stored answer of an earlier request. The entry
	// has no payment id when the gateway does not know the payment. Error: never gateway_refused.
	Find(ctx context.Context, r FindRequest) (LedgerEntry, error)
}

// endregion

// Bank is a gateway for trying that plays the customer's bank as well.
type Bank interface {
	// Confirm plays the customer who confirms a payment, or declines to. Error: gateway_refused for a payment that does
	// not wait for it.
	Confirm(paymentID uuid.UUID, approve bool) error
}

// CodeGatewayRefused refuses what a gateway was asked for and will not do.
const CodeGatewayRefused domain.ErrorCode = "gateway_refused"

// ErrNoAnswer says that a gateway could not be asked or did not answer, so that the outcome is unknown.
var ErrNoAnswer = errors.New("no answer from the payment gateway")

// ErrCredentials says that a gateway refuses our credentials, so that nothing is answered until somebody mends them. It
// comes with [ErrNoAnswer]: what was asked for earlier may have taken effect.
var ErrCredentials = errors.New("the payment gateway refuses our credentials")

// NoAnswer returns err as an [ErrNoAnswer], which is worth asking again.
func NoAnswer(err error) error { return fmt.Errorf("%w: %w", ErrNoAnswer, err) }

// AuthorizeRequest asks for money to be reserved.
type AuthorizeRequest struct {
	IdempotencyKey string
	// AskedAt is a time before which this key was certainly not asked for. It comes from the events and never from the
	// clock of an attempt, which may be the second. A gateway that forgets keys after some time looks up what became
	// of an older request before it makes it again. With the zero time it always looks up.
	AskedAt time.Time
	// At is the time of this call, by the caller's clock.
	At        time.Time
	PaymentID uuid.UUID
	OrderID   uuid.UUID
	Amount    money.Money
	// Captured is what earlier authorisations of the payment have captured: [payment.Payment.Captured].
	Captured money.Money
	// Token names the customer's means of payment at the gateway.
	Token string
	// Keep says that the customer has agreed that the means of payment is authorised again for this order without them.
	Keep bool
	// EarlierRef is an authorisation of this payment that was asked for with Keep. Its means of payment is used again,
	// without the customer: it is declined where the bank wants a confirmation. It is empty for a token that was not
	// used yet.
	EarlierRef string
	// Replaces is an authorisation of this payment in whose place this one comes. It is let go once this one is made,
	// and stays when this one is declined.
	Replaces string
	// Abandons is an authorisation of this payment that waits for the customer's bank. It is let go before this one is
	// asked for, so that nobody confirms it any more.
	Abandons string
}

// AuthorizeResult is the gateway's answer.
type AuthorizeResult struct {
	// Status is authorized, declined or action_required.
	Status      payment.Status
	GatewayRef  string
	DeclineCode string
	// ActionURL is where the customer confirms, with action_required. It is empty where the customer has nothing to do
	// and the bank has not decided yet.
	ActionURL string
	ExpiresAt time.Time
}

// CaptureRequest asks to take money. Captures of one payment are asked for one after the other: the
// next when the last was answered.
type CaptureRequest struct {
	IdempotencyKey string
	AskedAt        time.Time // as in [AuthorizeRequest]
	// At is the time of this call, by the caller's clock.
	At         time.Time
	PaymentID  uuid.UUID
	GatewayRef string
	Amount     money.Money
	// Capturable is what of the authorisation was left before this capture: [payment.Payment.Capturable].
	// When Amount is all of it, nothing stays reserved.
	Capturable money.Money
}

// CaptureResult is the gateway's answer to a capture.
type CaptureResult struct {
	// Ref is the gateway's reference of the capture.
	Ref string
	// Amount is what was captured under the key: the request's, or that of an earlier request under the same key.
	Amount money.Money
}

// VoidRequest asks to let an authorisation go. GatewayRef is empty when the answer to the
// authorisation never came.
type VoidRequest struct {
	IdempotencyKey string
	AskedAt        time.Time // as in [AuthorizeRequest]
	PaymentID      uuid.UUID
	GatewayRef     string
	// AuthorizeKey is the idempotency key of an authorisation that has no answer and may still be on its
	// way; empty for none. It authorises nothing afterwards.
	AuthorizeKey string
	// Captured is all that the caller knows to be captured: [payment.Payment.Captured]. What the gateway
	// has taken beyond that goes back.
	Captured money.Money
}

// RefundRequest asks to give money back.
type RefundRequest struct {
	IdempotencyKey string
	AskedAt        time.Time // as in [AuthorizeRequest]
	PaymentID      uuid.UUID
	GatewayRef     string
	Amount         money.Money
	// Reason is ours; it may be a person's words, so a gateway doesn't pass it on.
	Reason string
}

// RefundResult is the gateway's answer to a refund.
type RefundResult struct {
	// Ref is the gateway's reference of the refund.
	Ref string
	// Pending is true for a refund that is on its way and may still fail. Its end is reported as an [Event].
	Pending bool
}

// FindRequest names a payment: by our id, by the gateway's reference of one of its authorisations, or by both.
type FindRequest struct {
	PaymentID  uuid.UUID
	GatewayRef string
}
