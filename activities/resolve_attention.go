package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
)

// Attended is how a decision on what waits for a person has ended.
type Attended struct {
	// Settled is true when it does not wait any more. Otherwise Cause is the gateway's reason.
	Settled bool   `json:"settled"`
	Cause   string `json:"cause,omitempty"`
}

// RetryVoid is [Activities.VoidPayment] that tells whether the gateway has let the money go.
func (a *Activities) RetryVoid(ctx context.Context, in VoidPayment) (Attended, error) {
	out, err := a.VoidPayment(ctx, in)
	return Attended{Settled: err == nil && out.Refused == "", Cause: out.Refused}, err
}

// ResolveAttention is the input of [Activities.ResolveAttention]. Its fields are those of [payment.SettledOutside].
type ResolveAttention struct {
	OrderID uuid.UUID `json:"order_id"`
	// RefundID is the refund that failed; none for money that the gateway refused to let go.
	RefundID  uuid.UUID   `json:"refund_id,omitzero"`
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference"`
	By        string      `json:"by"`
	At        time.Time   `json:"at"`
}

// ResolveAttention records how a person has settled a failed refund or a refused void. It asks no gateway. It does
// nothing when neither waits. Refusals: unknown_refund; refund_exceeds_capture; invalid.
func (a *Activities) ResolveAttention(ctx context.Context, in ResolveAttention) (Attended, error) {
	c := payment.SettledOutside{RefundID: in.RefundID, Amount: in.Amount, Reference: in.Reference, By: in.By, At: in.At}
	source, decide := "resolve-void", payment.ResolveVoid
	if in.RefundID != uuid.Nil {
		source, decide = "resolve-refund/"+in.RefundID.String(), payment.ResolveRefund
	}
	_, _, err := a.changePayment(ctx, in.OrderID, stamp(ctx, source, in.OrderID, in.At), func(p payment.Payment) ([]domain.Event, error) {
		return decide(p, c)
	})
	return Attended{Settled: err == nil}, err
}
