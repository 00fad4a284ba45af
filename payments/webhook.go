package payments

import (
	"net/http"
	"time"

	"github.com/orderloom/orderloom/domain"
)

// Webhook reads what a payment gateway reports by itself over HTTP. It is safe for concurrent use.
type Webhook interface {
	// Parse checks that the gateway has sent this request, and returns what the request reports. Body is
	// the request's body, byte for byte. Parse keeps nothing and may be repeated.
	//
	// Reports may come twice, late, and in another order than things happened. So an event is a hint to look:
	// [Gateway].Find says what is so. The event has no kind when the report concerns no payment of ours, or says
	// nothing new. Errors: invalid_signature ([CodeSignature]) for a request that the gateway has not sent, or not now;
	// not_an_event ([CodeNotAnEvent]) for a signed body that is no report.
	Parse(body []byte, header http.Header, now time.Time) (Event, error)
}

// Refusals of webhooks.
const (
	// CodeSignature refuses a webhook that the gateway has not sent, or not now.
	CodeSignature domain.ErrorCode = "invalid_signature"
	// CodeNotAnEvent refuses a webhook that the gateway has signed and that is no report of a form that we can read.
	CodeNotAnEvent domain.ErrorCode = "not_an_event"
)
