package payments

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
)

// EventKind is what has happened to a payment at its gateway.
type EventKind string

// The kinds of events. The empty kind is a report that says nothing about money.
const (
	// EventAuthorized is money that was reserved, also long after it was asked for.
	EventAuthorized EventKind = "authorized"
	// EventDeclined is an authorisation that was refused, with its Code.
	EventDeclined EventKind = "declined"
	// EventExpired is an authorisation that the gateway has let go, and EventVoided one that somebody has. The amount
	// is what was still reserved.
	EventExpired EventKind = "expired"
	EventVoided  EventKind = "voided"
	// EventCaptured is money that was taken.
	EventCaptured EventKind = "captured"
	// EventRefundPending is a refund on its way, and EventRefunded one that was paid. EventRefundFailed is one that was
	// not, with its Code: the money is back at the merchant.
	EventRefundPending EventKind = "refund_pending"
	EventRefunded      EventKind = "refunded"
	EventRefundFailed  EventKind = "refund_failed"
	// EventDisputeOpened is a customer who contests a payment at the bank. EventDisputeWithdrawn is money that the bank
	// has taken for it, and EventDisputeReinstated money that it has given back.
	EventDisputeOpened     EventKind = "dispute_opened"
	EventDisputeWithdrawn  EventKind = "dispute_withdrawn"
	EventDisputeReinstated EventKind = "dispute_reinstated"
	// EventDisputeWon and EventDisputeLost are how a dispute ended.
	EventDisputeWon  EventKind = "dispute_won"
	EventDisputeLost EventKind = "dispute_lost"
)

// Event is something that has happened to a payment at its gateway, whoever has asked for it. A webhook reports it, and
// a [LedgerEntry] lists it. Kind and Ref together count once, wherever they come from.
type Event struct {
	// ID is the gateway's id of a report, the same when it comes again. It is empty in a ledger.
	ID   string
	Kind EventKind
	// PaymentID and OrderID are ours. They are zero in the report of a movement that the gateway does not connect with
	// them: [Gateway].Find finds the payment by GatewayRef.
	PaymentID, OrderID uuid.UUID
	// GatewayRef is the gateway's reference of the authorisation.
	GatewayRef string
	// Ref is the gateway's reference of the movement: of the authorisation, the capture, the refund or the dispute.
	Ref string
	// Amount is that of the whole movement under this Ref. It may grow where somebody captures elsewhere again.
	Amount money.Money
	// Key is the idempotency key of our request that has made the movement. It is empty for what was made elsewhere,
	// and where the gateway does not keep it.
	Key string
	// Code is why something was declined, failed or disputed, as a word that may be shown.
	Code string
	At   time.Time
}

// Elsewhere reports whether the movement was not made by a request of ours. It is for captures, refunds and disputes.
func (e Event) Elsewhere() bool { return e.Key == "" }
