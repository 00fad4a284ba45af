package activities

import (
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// A gateway forgets idempotency keys after some time. Made again under a forgotten key, a request would move money a
// second time. So each request says before when it was certainly not asked for. A gateway looks up what became of one
// that may be older than its memory.
//
// That time never is the clock of a step: a step that is tried again has a later one. It is that of the event, or of
// the start of the execution, without which nobody can have asked.

// askedToAuthorize is before the first request of the payment's next authorisation. It is no time, so that the gateway
// always looks it up, when an earlier execution may have asked.
func askedToAuthorize(p payment.Payment, in AuthorizePayment) time.Time {
	switch {
	case p.Requested != nil:
		return p.Requested.RequestedAt
	case in.Again:
		return time.Time{}
	}
	return in.Since
}

// askedToCapture is before the first request to capture for any shipment of an order.
func askedToCapture(o order.Order) time.Time { return o.ConfirmedAt }
