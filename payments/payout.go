package payments

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
)

// PayoutReader is a [Gateway] that can tell what it has paid out to the shop, and of what that consists.
type PayoutReader interface {
	// Payouts lists the payouts that were made from the time from until before the time to, in no particular order. It
	// ends with the first error, and may be repeated.
	Payouts(ctx context.Context, from, to time.Time) iter.Seq2[Payout, error]
}

// Payout is money that a gateway has sent to the shop's bank.
type Payout struct {
	// Ref is the gateway's reference.
	Ref    string
	Amount money.Money
	At     time.Time
	// Itemised is false where the gateway does not tell, or not yet, of what the payout consists.
	Itemised bool
	// Entries add up to the amount, when it is itemised.
	Entries []PayoutEntry
}

// PayoutKind is what an entry of a payout is for.
type PayoutKind string

// The kinds of entries.
const (
	// PayoutCapture is money that was captured, and PayoutRefund money that went back. PayoutRefundFailed is the money
	// of a refund that came back.
	PayoutCapture      PayoutKind = "capture"
	PayoutRefund       PayoutKind = "refund"
	PayoutRefundFailed PayoutKind = "refund_failed"
	// PayoutExcess is what a gateway that captures once has taken too much, and gave back with a void.
	PayoutExcess PayoutKind = "excess"
	// PayoutDispute is money that a bank has taken for a dispute, or has given back.
	PayoutDispute PayoutKind = "dispute"
	// PayoutFee is what the gateway takes for itself, beside the fees of other entries.
	PayoutFee PayoutKind = "fee"
	// PayoutOther is anything else.
	PayoutOther PayoutKind = "other"
)

// PayoutEntry is a part of a payout.
type PayoutEntry struct {
	// Ref is the gateway's reference of the entry, and Movement that of the capture, the refund or the dispute.
	Ref, Movement string
	Kind          PayoutKind
	// PaymentID is ours; zero for what belongs to no payment of ours. GatewayRef is the gateway's payment.
	PaymentID  uuid.UUID
	GatewayRef string
	// Gross less Fee is Net, in the currency of the payout. Gross is below zero for money that the shop gave back.
	Gross, Fee, Net money.Money
}
