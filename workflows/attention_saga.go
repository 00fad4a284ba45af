package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"go.temporal.io/sdk/workflow"
)

// AttentionInput is what a person has decided on what waits for one.
type AttentionInput struct {
	OrderID     uuid.UUID `json:"order_id"`
	AttentionID uuid.UUID `json:"attention_id"`
	// Attempts is how often it had been tried when the person decided.
	Attempts int `json:"attempts"`
	// Resolution is how it was settled outside. Without one the void is tried once more.
	Resolution *Resolution `json:"resolution,omitempty"`
}

// Resolution is how a person has settled something outside of the platform.
type Resolution struct {
	// RefundID is the refund that failed; none for money that the gateway refused to let go.
	RefundID uuid.UUID `json:"refund_id,omitzero"`
	// Amount is what went back or was let go. Reference says where that is found.
	Amount    money.Money `json:"amount"`
	Reference string      `json:"reference"`
	By        string      `json:"by"`
}

// AttentionResult is how a decision has ended.
type AttentionResult struct {
	// Settled is true when it does not wait any more. Otherwise Cause is the gateway's reason.
	Settled bool   `json:"settled"`
	Cause   string `json:"cause,omitempty"`
}

// AttentionSaga carries out what a person has decided. It asks the gateway for a void once more, or records how the
// person has settled it outside. It answers whether it still waits. Refusals: unknown_refund; refund_exceeds_capture;
// invalid.
func AttentionSaga(ctx workflow.Context, in AttentionInput) (AttentionResult, error) {
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	r := in.Resolution
	if r == nil {
		out, err := runStep(ctx, "Void the payment once more", a.RetryVoid, activities.VoidPayment{
			OrderID: in.OrderID, Reason: "retried", At: workflow.Now(ctx),
		})
		tellOrder(ctx, in.OrderID)
		return AttentionResult(out), err
	}
	out, err := runStep(ctx, "Record how it was settled outside", a.ResolveAttention, activities.ResolveAttention{
		OrderID: in.OrderID, RefundID: r.RefundID, Amount: r.Amount, Reference: r.Reference, By: r.By, At: workflow.Now(ctx),
	})
	tellOrder(ctx, in.OrderID)
	return AttentionResult(out), err
}
