package payments

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
)

// Webhook reads what a payment gateway reports by itself over HTTP. It is safe for concurrent use.
type Webhook interface {
	// Parse checks that the gateway has sent this request, and returns what the request reports. Body is
	// the request's body, byte for byte. Parse keeps nothing and may be repeated.
	//
	// The update has no status when the report concerns no payment of ours, or says nothing new.
	// Errors: invalid_signature ([CodeSignature]) for a request that the gateway has not sent, or not now;
	// invalid for a body that can't be read.
	Parse(body []byte, header http.Header, now time.Time) (Update, error)
}

// CodeSignature refuses a webhook that the gateway has not sent, or not now.
const CodeSignature domain.ErrorCode = "invalid_signature"

// Update is what a gateway reports of a payment by itself. Reports may come twice, late, and in
// another order than things happened.
type Update struct {
	// EventID is the gateway's id of this report, the same when it comes again.
	EventID   string
	PaymentID uuid.UUID
	OrderID   uuid.UUID
	// Status is authorized, declined, expired or voided. It is empty for a report that says nothing
	// about reserved money.
	Status      payment.Status
	GatewayRef  string
	DeclineCode string
}
