package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// AttentionCause is why somebody has to look at an order.
type AttentionCause string

// The causes.
const (
	// AttentionAny stands for all causes, in an [OrderQuery].
	AttentionAny AttentionCause = "any"
	// AttentionVoidFailed is money that the gateway refuses to let go.
	AttentionVoidFailed AttentionCause = "void_failed"
	// AttentionRefundFailed is a refund that the gateway has refused, or that came back.
	AttentionRefundFailed AttentionCause = "refund_failed"
	// AttentionCaptureFailed is a shipment that can't leave, because the gateway refuses its money.
	AttentionCaptureFailed AttentionCause = "capture_failed"
	// AttentionPaymentRequired is an order that waits for money: see [MissingPayment].
	AttentionPaymentRequired AttentionCause = "payment_required"
	// AttentionAuthorizationEnding is an authorisation that is about to end and can't be renewed without the customer.
	AttentionAuthorizationEnding AttentionCause = "authorization_ending"
	// AttentionDisputeOpen is a claim of the customer at the bank that has not ended.
	AttentionDisputeOpen AttentionCause = "dispute_open"
	// AttentionCapturedInExcess is money that was captured at the gateway beyond what the order still costs.
	AttentionCapturedInExcess AttentionCause = "captured_in_excess"
	// AttentionPaymentDifference is an amount in which the gateway and the order's events disagree.
	AttentionPaymentDifference AttentionCause = "payment_difference"
	// AttentionGatewayCredentials is a gateway that refuses the platform's credentials. It ends by itself.
	AttentionGatewayCredentials AttentionCause = "gateway_credentials"
	// AttentionOverdue is an order that waits for its first shipment beyond the dispatch deadline.
	AttentionOverdue AttentionCause = "overdue"
)

// AttentionAction is what somebody can safely do.
type AttentionAction string

// The actions.
const (
	// AttentionRetry asks the gateway once more.
	AttentionRetry AttentionAction = "retry"
	// AttentionResolve records how it was settled outside.
	AttentionResolve AttentionAction = "resolve"
	// AttentionDispatch reports the shipment again, which captures its money.
	AttentionDispatch AttentionAction = "dispatch"
	// AttentionNewPayment gives another means of payment: the customer's, by [Client.ProvidePayment].
	AttentionNewPayment AttentionAction = "new_payment"
	// AttentionCancel cancels the order.
	AttentionCancel AttentionAction = "cancel"
	// AttentionRefund gives the amount back.
	AttentionRefund AttentionAction = "refund"
	// AttentionReconcile is done by operators: it mends the amount at the gateway, and compares again.
	AttentionReconcile AttentionAction = "reconcile"
	// AttentionAnswerDispute answers the claim in the gateway's dashboard.
	AttentionAnswerDispute AttentionAction = "answer_dispute"
	// AttentionMendCredentials is done by operators: it gives the platform credentials that the gateway takes.
	AttentionMendCredentials AttentionAction = "mend_credentials"
)

// Attention is one thing of an order that waits for a person.
type Attention struct {
	// AttentionID names it. It stays the same while the thing waits.
	AttentionID uuid.UUID      `json:"attention_id"`
	Cause       AttentionCause `json:"cause"`
	// Since is when it began to wait; for what was tried, the last failure.
	Since time.Time `json:"since"`
	// Amount is the money that it is about; nil when it is about none.
	Amount *Money `json:"amount,omitempty"`
	// Detail is the gateway's or the bank's reason.
	Detail string `json:"detail,omitempty"`
	// Attempts is how often it was tried.
	Attempts   int       `json:"attempts,omitempty"`
	RefundID   uuid.UUID `json:"refund_id,omitzero"`
	ShipmentID uuid.UUID `json:"shipment_id,omitzero"`
	// GatewayRef is the gateway's reference of what it is about.
	GatewayRef string `json:"gateway_ref,omitempty"`
	// Actions are what can safely be done.
	Actions []AttentionAction `json:"actions"`
}

// Resolution is the request of [Client.ResolveAttention].
type Resolution struct {
	// Amount is what went back to the customer or was let go, a decimal number. It may be "0".
	Amount string `json:"amount"`
	// Currency is the order's.
	Currency string `json:"currency"`
	// Reference is where it is found, such as the number of a bank transfer.
	Reference string `json:"reference"`
	// By is who says so.
	By string `json:"by"`
}

// Attended is the answer to [Client.RetryAttention] and [Client.ResolveAttention].
type Attended struct {
	OrderID     uuid.UUID `json:"order_id"`
	AttentionID uuid.UUID `json:"attention_id"`
	// Replayed is true when the same was done before.
	Replayed bool `json:"-"`
}

// RetryAttention asks the gateway once more. It may be repeated. Errors: not_found; action_not_possible;
// gateway_refused; refund_exceeds_capture; payment_disputed.
func (c *Client) RetryAttention(ctx context.Context, id, attentionID uuid.UUID, options ...CallOption) (Attended, error) {
	return c.attend(ctx, id, attentionID, "/retry", struct{}{}, options)
}

// ResolveAttention records how it was settled outside. It may be repeated. Errors: not_found; action_not_possible;
// refund_exceeds_capture.
func (c *Client) ResolveAttention(ctx context.Context, id, attentionID uuid.UUID, r Resolution, options ...CallOption) (Attended, error) {
	return c.attend(ctx, id, attentionID, "/resolve", r, options)
}

func (c *Client) attend(ctx context.Context, id, attentionID uuid.UUID, what string, body any, options []CallOption) (out Attended, err error) {
	path := orderPath(id) + "/attention/" + attentionID.String() + what
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, path, body, options), into(&out))
	out.Replayed = a.replayed()
	return out, err
}
