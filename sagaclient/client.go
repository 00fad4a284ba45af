package sagaclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
)

// ErrUnavailable says that Temporal could not be reached, or did not answer in time. The same request
// may be sent again: it has the same order then, whether or not this one took effect.
var ErrUnavailable = failure.Passing(errors.New("the workflow service is unavailable"))

// answerTimeout bounds how long a caller waits for what a saga does at once.
const answerTimeout = 10 * time.Second

// Client starts sagas and talks to them. It is safe for concurrent use.
type Client struct {
	temporal  client.Client
	memos     converter.DataConverter
	deadlines workflows.Deadlines
	build     string
	// refusesBuildIDs is true once the server has refused to take them.
	refusesBuildIDs atomic.Bool
	turns           turns
}

// New returns a client of the sagas, whose orders get these deadlines. The memos are read with the same data
// converter as that of the Temporal client; nil is the SDK's default.
//
// Build is the build of the workers. It is empty where Worker Deployment Versioning decides which workers run a saga.
func New(c client.Client, memos converter.DataConverter, deadlines workflows.Deadlines, build string) *Client {
	if memos == nil {
		memos = converter.GetDefaultDataConverter()
	}
	return &Client{temporal: prompt{c}, memos: memos, deadlines: deadlines, build: build}
}

// Waiting counts the requests of this process that wait until others to the same order have ended.
func (c *Client) Waiting() int { return c.turns.waiting() }

// PlaceOrder starts the saga of an order. It may be repeated: an order that was placed before by the
// same request is answered with existed. Errors: idempotency_key_reused when it was placed by another
// one; [ErrUnavailable].
func (c *Client) PlaceOrder(ctx context.Context, in workflows.OrderInput) (placed workflows.OrderMemo, existed bool, err error) {
	in.Deadlines = c.deadlines
	if x := in.Exchange; x != nil && x.OnReceipt && x.ExpiresAfter > 0 { // its goods are waited for
		in.Deadlines.Review = x.ExpiresAfter + exchangeGrace
	}
	total := in.Total()
	memo := workflows.OrderMemo{
		OrderNumber: order.Number(in.OrderID), CustomerID: in.CustomerID, RequestHash: in.RequestHash,
		Total: total.Text(), Currency: total.Currency, AcceptedAt: time.Now().UTC().Truncate(time.Microsecond),
		Account: in.UserID, Channel: in.Channel,
	}
	already, err := c.startOrderSaga(ctx, in, memo, total, client.StartWorkflowOptions{
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:         fmt.Sprintf("%s, %s, lines: %d", memo.OrderNumber, total, len(in.Items)),
	})
	if !already {
		return memo, false, err
	}
	if memo, err = c.OrderMemo(ctx, in.OrderID); err != nil {
		return workflows.OrderMemo{}, false, err
	}
	if memo.RequestHash != in.RequestHash {
		return workflows.OrderMemo{}, false, domain.Refuse(domain.CodeIdempotencyKeyReused,
			"order %s was placed by another request under the same key", memo.OrderNumber)
	}
	return memo, true, nil
}

// startOrderSaga starts the saga of an order, with these policies and this summary. Already reports that there is one,
// which the policies leave as it is. Error: [ErrUnavailable].
func (c *Client) startOrderSaga(
	ctx context.Context, in workflows.OrderInput, memo workflows.OrderMemo, total money.Money, o client.StartWorkflowOptions,
) (already bool, err error) {
	o.ID, o.TaskQueue, o.Memo = workflows.OrderSagaID(in.OrderID), workflows.TaskQueue, map[string]any{memoKey: memo}
	// Otherwise the SDK answers as if it had started another order's request.
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	o.EnableEagerStart = true // where this process runs sagas
	start := func() error {
		o.TypedSearchAttributes = temporal.NewSearchAttributes(append(c.buildIDs(),
			workflows.KeyOrderStatus.ValueSet(workflows.MarkOpen), workflows.KeyCustomerID.ValueSet(memo.CustomerID),
			workflows.KeyOrderNumber.ValueSet(memo.OrderNumber), workflows.KeyOrderTotal.ValueSet(total.Amount.InexactFloat64()))...)
		_, err := c.temporal.ExecuteWorkflow(ctx, o, workflows.OrderSaga, in)
		return err
	}
	if err = start(); c.mustLeaveOutBuildIDs(err) {
		err = start()
	}
	var there *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &there) {
		return true, nil
	}
	return false, inDomainTerms(err)
}

// exchangeGrace is how much longer than its goods an order of an exchange waits at most, until somebody decides.
const exchangeGrace = 7 * 24 * time.Hour

// memoKey is the name under which a saga's memo keeps what it was asked.
const memoKey = "order"

// OrderMemo returns what Temporal remembers of an accepted order. Errors: not_found; [ErrUnavailable].
func (c *Client) OrderMemo(ctx context.Context, orderID uuid.UUID) (workflows.OrderMemo, error) {
	var memo workflows.OrderMemo
	status, err := c.readExecution(ctx, workflows.OrderSagaID(orderID), &memo)
	memo.Failed = status == enums.WORKFLOW_EXECUTION_STATUS_FAILED
	return memo, err
}

// OrderRefused waits until the saga of an order ends, or ctx does. It returns the refusal with which the saga has
// failed, and nil for none. It may be repeated.
func (c *Client) OrderRefused(ctx context.Context, orderID uuid.UUID) error {
	return workflows.Refused(c.temporal.GetWorkflow(ctx, workflows.OrderSagaID(orderID), "").Get(ctx, nil))
}

// CancelOrder asks the saga to cancel its order and waits until everything is undone, as long as ctx lasts. It may be
// repeated.
//
// Errors: not_found when no saga of the order is open; not_cancellable once a shipment has left; invalid;
// [ErrUnavailable]. With [context.DeadlineExceeded] it takes longer than ctx, and is still carried out.
func (c *Client) CancelOrder(ctx context.Context, orderID uuid.UUID, r workflows.CancelRequest) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, workflows.CancelOrder, r, r)
}

// CancelLines takes pieces out of an order before they leave. It may be repeated under the same request
// id. Errors: as [Client.CancelOrder]; nothing_left; idempotency_key_reused when the id belongs to another
// cancellation of lines.
func (c *Client) CancelLines(ctx context.Context, orderID uuid.UUID, r workflows.CancelLinesRequest) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, workflows.CancelLines, r, r)
}

// EditOrder changes what an order holds before it leaves. It may be repeated under the same request id, however late.
//
// Errors: idempotency_key_reused when the id belongs to another edit; not_editable; edit_declined; out_of_stock;
// payment_method_not_kept; otherwise as [Client.CancelOrder].
func (c *Client) EditOrder(ctx context.Context, orderID uuid.UUID, r workflows.EditRequest) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, workflows.EditOrder, r, r.RequestID, r.RequestHash) // taxes are found anew each time
}

// AmendAddress sends an order elsewhere within its country. It may be repeated under the same request id, however
// late.
//
// Errors: idempotency_key_reused when the id belongs to another amendment; not_amendable; country_fixed; otherwise as
// [Client.CancelOrder].
func (c *Client) AmendAddress(ctx context.Context, orderID uuid.UUID, r workflows.AmendRequest) (workflows.OrderState, error) {
	if r.RequestID == uuid.Nil {
		r.RequestID = uuid.New()
	}
	return c.updateOrder(ctx, orderID, workflows.AmendAddress, r, r.RequestID, r.RequestHash) // it is sealed anew each time
}

// ProvidePayment gives another means of payment to an order that waits for money. The state's payment tells where that
// stands. It may be repeated under the same request id, however late.
//
// Errors: idempotency_key_reused when the id belongs to another request; payment_not_required; payment_under_way;
// otherwise as [Client.CancelOrder].
func (c *Client) ProvidePayment(ctx context.Context, orderID uuid.UUID, r workflows.PaymentRequest) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, workflows.ProvidePayment, r, r.RequestID, r.RequestHash) // it is sealed anew each time
}

// CorrectTracking replaces the carrier and the tracking number of a shipment on its way. It may be repeated under the
// same request id, however late.
//
// Errors: idempotency_key_reused when the id belongs to another request; shipment_not_found; not_under_way; otherwise
// as [Client.CancelOrder].
func (c *Client) CorrectTracking(ctx context.Context, orderID uuid.UUID, r workflows.TrackingRequest) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, workflows.CorrectTracking, r, r)
}

// ReviewOrder decides on an order that was held. Errors: not_found; not_held; already_reviewed;
// otherwise as [Client.CancelOrder].
func (c *Client) ReviewOrder(ctx context.Context, orderID uuid.UUID, approve bool, r workflows.ReviewRequest) (workflows.OrderState, error) {
	if approve {
		return c.updateOrder(ctx, orderID, workflows.ApproveOrder, r, r)
	}
	return c.updateOrder(ctx, orderID, workflows.RejectOrder, r, r)
}

// ReportShipment tells the saga what became of a shipment and waits until that is carried out, as long as ctx lasts.
// It may be repeated.
//
// Errors: not_found when no saga of the order is open; already_reported; shipment_not_found; not_dispatchable;
// not_deliverable; invalid. A dispatch has also the refusals of the payment whose money it captures. With
// [context.DeadlineExceeded] it takes longer than ctx, and is still carried out. With [ErrUnavailable] nobody knows
// whether a worker will carry it out.
func (c *Client) ReportShipment(ctx context.Context, orderID uuid.UUID, n workflows.ShipmentUpdate) (workflows.OrderState, error) {
	return c.updateOrder(ctx, orderID, n.Name, n.Report, n.Report)
}

// SignalShipmentReport leaves a report at the server, for the saga to carry out when it can. It may be repeated, also
// after [Client.ReportShipment]. Errors: not_found when no saga of the order is open; [ErrUnavailable].
func (c *Client) SignalShipmentReport(ctx context.Context, orderID uuid.UUID, n workflows.ShipmentUpdate) error {
	report := n.Report
	switch r := report.(type) { // a signal's headers don't reach the saga
	case workflows.Dispatch:
		r.Actor = actor.From(ctx)
		report = r
	case workflows.ShipmentReport:
		r.Actor = actor.From(ctx)
		report = r
	}
	return inDomainTerms(c.temporal.SignalWorkflow(ctx, workflows.OrderSagaID(orderID), "", n.Name, report))
}

// PaymentReported passes on what a gateway reports of a payment, to the saga that waits for it or to one of its own.
// That asks the gateway what is so. It may be repeated, and come late. Errors: [ErrUnavailable].
func (c *Client) PaymentReported(ctx context.Context, e payments.Event) error {
	switch e.Kind {
	case payments.EventAuthorized, payments.EventDeclined, payments.EventVoided, payments.EventExpired:
		update := workflows.PaymentUpdate{GatewayRef: e.GatewayRef}
		err := inDomainTerms(c.temporal.SignalWorkflow(ctx, workflows.PaymentSagaID(e.OrderID), "", workflows.PaymentUpdated, update))
		if domain.Code(err) != domain.CodeNotFound {
			return err
		}
	}
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "late-payment-" + e.ID, TaskQueue: workflows.TaskQueue,
		StaticSummary: "The gateway reports on a payment that nobody waits for: " + string(e.Kind),
	}, workflows.LatePaymentSaga, workflows.LatePayment{OrderID: e.OrderID, PaymentID: e.PaymentID, GatewayRef: e.GatewayRef})
	return inDomainTerms(err)
}

// ReceiveStock records goods that arrived and waits for it. It may be repeated under the same receipt
// id. Errors: invalid; unknown_location; [Reused] when the id belongs to another receipt; [ErrUnavailable].
func (c *Client) ReceiveStock(ctx context.Context, r workflows.StockReceipt) (workflows.Recorded, error) {
	summary := fmt.Sprintf("%d of %s at %s", r.Quantity, r.SKU, r.Location)
	return record(ctx, c, "stock-receipt-"+r.ReceiptID.String(), summary, workflows.StockReceiptSaga, r)
}

// AdjustStock corrects what is on hand and waits for it. It may be repeated under the same adjustment
// id. Errors: invalid; unknown_location; insufficient_stock; [Reused] when the id belongs to another adjustment;
// [ErrUnavailable].
func (c *Client) AdjustStock(ctx context.Context, r workflows.StockAdjustment) (workflows.Recorded, error) {
	summary := fmt.Sprintf("%+d of %s at %s", r.Delta, r.SKU, r.Location)
	return record(ctx, c, "stock-adjustment-"+r.AdjustmentID.String(), summary, workflows.StockAdjustmentSaga, r)
}

// Reused refuses a request under an id that belongs to another request of its kind. Its code is idempotency_key_reused.
type Reused struct {
	// Refusal says under which id.
	Refusal *domain.Error
	// Stands is what was asked for under the id before: an input of the same type.
	Stands any
}

// Error is the refusal's.
func (r *Reused) Error() string { return r.Refusal.Error() }

// Unwrap returns the refusal.
func (r *Reused) Unwrap() error { return r.Refusal }

// record runs a saga that is answered with [workflows.Recorded].
func record[I any](ctx context.Context, c *Client, id, summary string, saga any, in I) (out workflows.Recorded, err error) {
	again, err := runSaga(ctx, c, id, summary, saga, in, &out)
	out.Replayed = out.Replayed || again
	return out, err
}

// ChangeLocation adds or changes a location, waits for it and answers with the location. It may be repeated under the
// same request id. Errors: invalid; unknown_location; location_exists; too_many_locations; [Reused] when the id belongs
// to another request; [ErrUnavailable].
func (c *Client) ChangeLocation(ctx context.Context, r workflows.LocationChange) (out workflows.LocationChanged, err error) {
	summary := "Change "
	if r.Add != nil {
		summary = "Add "
	}
	again, err := runSaga(ctx, c, "location-"+r.RequestID.String(), summary+domain.Clip(r.LocationID()), workflows.LocationSaga, r, &out)
	out.Replayed = out.Replayed || again
	return out, err
}

// runSaga runs a short saga and waits for its end. The memo keeps what it was asked, so that another request under the
// same id is noticed. Again reports that the same request has started it before. Error: [Reused], beside the saga's.
func runSaga[I any](ctx context.Context, c *Client, id, summary string, saga any, in I, out any) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	run, again, err := startSaga(ctx, c, id, summary, saga, in)
	if err != nil {
		return false, err
	}
	return again, inDomainTerms(run.Get(ctx, out))
}

// startSaga starts a short saga, or returns the one that the same request has started before. Error: [Reused].
func startSaga[I any](ctx context.Context, c *Client, id, summary string, saga any, in I) (run client.WorkflowRun, again bool, err error) {
	run, err = c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.TaskQueue, EnableEagerStart: true, StaticSummary: summary, Memo: map[string]any{memoKey: in},
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, saga, in)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if again = errors.As(err, &already); !again {
		return run, false, inDomainTerms(err)
	}
	var before I
	if err := c.readMemo(ctx, id, &before); err != nil {
		return nil, false, err
	}
	if !sameRequest(before, in) {
		return nil, false, &Reused{domain.Refuse(domain.CodeIdempotencyKeyReused, "%s was asked for with another content", id), before}
	}
	return c.temporal.GetWorkflow(ctx, id, ""), true, nil
}

// sameRequest reports whether two inputs ask for the same. One that is sealed anew each time says what it is known by.
func sameRequest(a, b any) bool {
	type known interface{ KnownBy() any }
	if k, is := a.(known); is {
		return sameContent(k.KnownBy(), b.(known).KnownBy())
	}
	return sameContent(a, b)
}

func sameContent(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && domain.SameJSON(x, y)
}

func (c *Client) readMemo(ctx context.Context, workflowID string, v any) error {
	_, err := c.readExecution(ctx, workflowID, v)
	return err
}

// readExecution reads the memo of an execution into v, and tells how the execution stands. Errors: not_found;
// [ErrUnavailable].
func (c *Client) readExecution(ctx context.Context, workflowID string, v any) (status enums.WorkflowExecutionStatus, err error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return status, inDomainTerms(err)
	}
	info := d.GetWorkflowExecutionInfo()
	payload, ok := info.GetMemo().GetFields()[memoKey]
	if !ok {
		return status, domain.Refuse(domain.CodeNotFound, "%s has no memo of ours", workflowID)
	}
	if err := c.memos.FromPayload(payload, v); err != nil {
		return status, fmt.Errorf("read the memo of %s: %w", workflowID, err)
	}
	return info.GetStatus(), nil
}

// inDomainTerms returns err in the domain's terms: refusals of sagas and of Temporal become
// [domain.Error], and what passes becomes [ErrUnavailable].
func inDomainTerms(err error) error {
	refusal := workflows.Refused(err)
	switch {
	case err == nil:
		return nil
	case refusal != nil:
		return refusal
	case errors.Is(err, ErrUnavailable):
		return err
	}
	switch failure.Of(err) {
	case failure.Missing:
		return domain.Refuse(domain.CodeNotFound, "no open saga: %s", err)
	case failure.Passes, failure.Late:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	default:
		return err
	}
}
