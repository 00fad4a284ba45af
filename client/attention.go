package client

import (
	"context"
	"iter"
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
	// AttentionReturnWaiting is a return that nobody has decided on in time.
	AttentionReturnWaiting AttentionCause = "return_waiting"
	// AttentionExchangeUnpaid is an order that has a credit for goods which did not come.
	AttentionExchangeUnpaid AttentionCause = "exchange_unpaid"
)

// The causes that are no facts of an order. They are in the list of [Client.ListAttention] only.
const (
	// AttentionOrphanedSaga is an order that needs a saga and has none, or that has ended and still has one.
	AttentionOrphanedSaga AttentionCause = "orphaned_saga"
	// AttentionFailingSaga is an execution at Temporal that keeps failing.
	AttentionFailingSaga AttentionCause = "failing_saga"
	// AttentionParked is an aggregate that a projection can't go on with.
	AttentionParked AttentionCause = "parked"
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
	// AttentionDecideReturn approves the return, or refuses it: by [Client.ApproveReturn] or [Client.RefuseReturn].
	AttentionDecideReturn AttentionAction = "decide_return"
	// AttentionResume is done by operators: it starts another saga for the order.
	AttentionResume AttentionAction = "resume"
	// AttentionInspect is done by operators: it looks at the execution in Temporal.
	AttentionInspect AttentionAction = "inspect"
	// AttentionRetryParked is done by operators: it tries the event again.
	AttentionRetryParked AttentionAction = "retry_parked"
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
	ReturnID   uuid.UUID `json:"return_id,omitzero"`
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
	// By is as in [Review].
	By string `json:"by,omitempty"`
}

// Waiting is one thing that waits for a person, and where it belongs.
type Waiting struct {
	Attention

	// OrderID, OrderNumber and OrderStatus are those of the order that it belongs to; zero without one.
	OrderID     uuid.UUID   `json:"order_id,omitzero"`
	OrderNumber string      `json:"order_number,omitempty"`
	OrderStatus OrderStatus `json:"order_status,omitempty"`
	// PaymentID is the order's payment, for the causes that are facts of an order.
	PaymentID uuid.UUID `json:"payment_id,omitzero"`
	// WorkflowID and RunID are those of a saga that is gone or fails. A saga that is gone has no run.
	WorkflowID string `json:"workflow_id,omitempty"`
	RunID      string `json:"run_id,omitempty"`
	// Parked is the stream of a parked aggregate; nil for all else.
	Parked *ParkedStream `json:"parked,omitempty"`
}

// ParkedStream is the stream of a parked aggregate. Its event of this version and type fails.
type ParkedStream struct {
	Projection    string    `json:"projection"`
	AggregateType string    `json:"aggregate_type"`
	AggregateID   uuid.UUID `json:"aggregate_id"`
	Version       int64     `json:"version"`
	EventType     string    `json:"event_type"`
}

// AttentionQuery chooses what waits for a person. The zero value chooses all.
type AttentionQuery struct {
	// Cause chooses what waits because of it; empty or [AttentionAny] chooses all.
	Cause AttentionCause
	// Cursor is the [AttentionPage.NextCursor] of the page before.
	Cursor string
	// Limit is how much a page has at most, up to 100; 0 is 20.
	Limit int
}

// AttentionPage is a page of what waits for a person.
type AttentionPage struct {
	Attention []Waiting `json:"attention"`
	// NextCursor is empty on the last page.
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListAttention shows one page of what waits for a person, what has waited longest first. [Client.Attention] goes
// through all pages.
func (c *Client) ListAttention(ctx context.Context, q AttentionQuery, options ...CallOption) (AttentionPage, error) {
	var page AttentionPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q AttentionQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/attention", nil, options)
	if q.Cause != AttentionAny {
		r.set("cause", string(q.Cause))
	}
	setPage(r, q.Cursor, q.Limit)
	return r
}

// Attention goes through all that q chooses, page by page. It ends after the first error.
func (c *Client) Attention(ctx context.Context, q AttentionQuery, options ...CallOption) iter.Seq2[Waiting, error] {
	return pages(q.Cursor, func(cursor string) ([]Waiting, string, error) {
		q.Cursor = cursor
		page, err := c.ListAttention(ctx, q, options...)
		return page.Attention, page.NextCursor, err
	})
}

// Attended is the answer to [Client.RetryAttention] and [Client.ResolveAttention].
type Attended struct {
	OrderID     uuid.UUID `json:"order_id"`
	AttentionID uuid.UUID `json:"attention_id"`
	// Pending is true while the gateway has not answered yet, or a refund is on its way.
	Pending bool `json:"-"`
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
	out.Replayed, out.Pending = a.replayed(), a.status == http.StatusAccepted
	return out, err
}
