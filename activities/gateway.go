package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
)

// Gateway is a payment gateway.
//
// Each call may be repeated: the same idempotency key gives the same outcome and takes effect once.
// An error that is no [domain.Error] means that the outcome is not known, so the caller asks again
// under the same key.
type Gateway interface {
	// Authorize reserves money, or says why not. A decline is an answer, not an error.
	Authorize(ctx context.Context, r AuthorizeRequest) (AuthorizeResult, error)
	// Capture takes money that was authorised; it returns the gateway's reference of the capture.
	// Error: gateway_refused.
	Capture(ctx context.Context, r CaptureRequest) (ref string, err error)
	// Void lets go of what is authorised and not captured. It does nothing when there is nothing to
	// let go; a payment that the gateway has not heard of yet can't be authorised afterwards.
	Void(ctx context.Context, r VoidRequest) error
	// Refund gives captured money back; it returns the gateway's reference. Error: gateway_refused.
	Refund(ctx context.Context, r RefundRequest) (ref string, err error)
}

// AuthorizeRequest asks for money to be reserved.
type AuthorizeRequest struct {
	IdempotencyKey string
	PaymentID      uuid.UUID
	OrderID        uuid.UUID
	Amount         money.Money
	// Token names the customer's means of payment at the gateway.
	Token string
}

// AuthorizeResult is the gateway's answer.
type AuthorizeResult struct {
	// Status is authorized, declined or action_required.
	Status      payment.Status
	GatewayRef  string
	DeclineCode string
	// ActionURL is where the customer confirms, with action_required.
	ActionURL string
	ExpiresAt time.Time
}

// CaptureRequest asks to take money.
type CaptureRequest struct {
	IdempotencyKey string
	PaymentID      uuid.UUID
	GatewayRef     string
	Amount         money.Money
}

// VoidRequest asks to let an authorisation go. GatewayRef is empty when the answer to the
// authorisation never came.
type VoidRequest struct {
	IdempotencyKey string
	PaymentID      uuid.UUID
	GatewayRef     string
}

// RefundRequest asks to give money back.
type RefundRequest struct {
	IdempotencyKey string
	PaymentID      uuid.UUID
	GatewayRef     string
	Amount         money.Money
	Reason         string
}
