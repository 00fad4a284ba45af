package payments

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
)

// LedgerReader is a [Gateway] that can tell what it did, so that its ledger and the payment streams can
// be compared.
type LedgerReader interface {
	// Ledger lists the payments that changed at the gateway from the time from until before the time to.
	// It lists each once, with its whole balance as it is now, in no particular order. It may list others
	// too. It ends with the first error, and may be repeated. Gateways show a change with some delay,
	// so to lies a quarter of an hour back or more.
	// Errors: ledger_out_of_reach for a time that the gateway has forgotten.
	Ledger(ctx context.Context, from, to time.Time) iter.Seq2[LedgerEntry, error]
}

// CodeLedgerOutOfReach refuses to list changes of a time that the gateway has forgotten.
const CodeLedgerOutOfReach domain.ErrorCode = "ledger_out_of_reach"

// LedgerEntry is what a gateway's ledger says of one payment.
type LedgerEntry struct {
	PaymentID uuid.UUID
	// OrderID is zero when the gateway doesn't know it.
	OrderID uuid.UUID
	// Balance sums up all authorisations of the payment, the later ones too. What the gateway took beyond
	// what was asked for and gave back with a void is neither captured nor refunded.
	Balance payment.GatewayBalance
	// Refs are the gateway's references of these authorisations.
	Refs []string
	// TakenAtOnce says that the gateway could capture only once, and took the whole at the first shipment.
	// Until the last shipment has left, Captured is ahead of the stream's, and Held behind it by the same
	// amount.
	TakenAtOnce bool
	// Authorization is the authorisation that says most: one that holds money, else the latest.
	Authorization Authorization
	// Events are all that has happened to the payment, each with its Ref, in no particular order.
	Events []Event
}

// Authorization is where an authorisation stands at its gateway. The zero value is one that the gateway never heard of.
type Authorization struct {
	AuthorizeResult
	// Amount is what was asked for.
	Amount money.Money
}

// StatusProcessing is an authorisation that the gateway is still working on. Only [Gateway].Find answers it.
const StatusProcessing payment.Status = "processing"
