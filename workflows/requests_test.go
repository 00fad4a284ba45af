package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
)

var noReview activities.ReviewRules

// answer is what an update was answered with.
type answer struct {
	state    workflows.OrderState
	err      error
	rejected bool
	done     bool
}

// ask sends an update at a time after the start.
func (p *platform) ask(after time.Duration, update string, request any) *answer {
	a := &answer{}
	delay, _ := p.delay(after)
	p.env.RegisterDelayedCallback(func() {
		if p.env.IsWorkflowCompleted() {
			return
		}
		callback := &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { a.err, a.rejected, a.done = err, true, true },
			OnComplete: func(v any, err error) {
				if state, ok := v.(workflows.OrderState); ok {
					a.state = state
					a.state.Shipments = slices.Clone(state.Shipments) // it is the saga's own, which goes on
				}
				a.err, a.done = err, true
			},
		}
		if p.started == nil {
			p.env.UpdateWorkflow(update, uuid.NewString(), callback, request)
			return
		}
		p.whenThere(func() {
			if err := p.env.UpdateWorkflowByID(workflows.OrderSagaID(p.orderID), update, uuid.NewString(), callback, request); err != nil {
				a.err, a.done = err, true
			}
		})
	}, delay)
	return a
}

func code(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Type()
	}
	return ""
}

// details returns what the Web UI shows of the execution at this moment.
func (p *platform) details(t *testing.T) string {
	query := p.env.QueryWorkflow
	if p.started != nil {
		query = func(name string, args ...any) (converter.EncodedValue, error) {
			return p.env.QueryWorkflowByID(workflows.OrderSagaID(p.orderID), name, args...)
		}
	}
	v, err := query("__temporal_workflow_metadata")
	require.NoError(t, err)
	var m sdk.WorkflowMetadata
	require.NoError(t, v.Get(&m))
	return m.CurrentDetails
}

func (p *platform) play(t *testing.T, in workflows.OrderInput) workflows.OrderState {
	p.env.ExecuteWorkflow(workflows.OrderSaga, in)
	require.True(t, p.env.IsWorkflowCompleted())
	require.NoError(t, p.env.GetWorkflowError())
	var told workflows.OrderState
	require.NoError(t, p.env.GetWorkflowResult(&told))
	return told
}

func (p *platform) deliver(after time.Duration, location string) {
	p.dispatchAt(after, location)
	p.reportAt(after+hour, workflows.ShipmentDelivered, location)
}

func TestCancelIsAnsweredOnceEverythingIsUndone(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	a := p.ask(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "too_late", By: "customer"})
	p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.NoError(t, a.err)
	require.Equal(t, order.StatusCancelled, a.state.Status)
	require.Equal(t, "too_late", a.state.Reason)
	require.Zero(t, p.stock(t, "A@berlin").Reserved)
	require.Equal(t, payment.StatusVoided, p.payment(t).Status)
}

func TestCancelOfAShippedOrderIsRefusedWithItsState(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	a := p.ask(90*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "too_late", By: "customer"})
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.True(t, a.rejected, "it was written to the history")
	require.Equal(t, "not_cancellable", code(a.err))
	require.ErrorContains(t, a.err, "shipped")
	require.Equal(t, order.StatusDelivered, told.Status)
}

func TestRequestsThatMakeNoSenseAreRejectedBeforeTheyAreWritten(t *testing.T) {
	t.Parallel()
	abroad := workflows.AmendRequest{Country: "US", Personal: domain.Sealed{Key: "k"}, By: "customer"}
	one := []order.LineQuantity{{SKU: "A", Quantity: 1}}
	for name, c := range map[string]struct {
		update  string
		request any
		code    string
	}{
		"cancel without a reason":    {workflows.CancelOrder, workflows.CancelRequest{By: "customer"}, "invalid"},
		"cancel by nobody":           {workflows.CancelOrder, workflows.CancelRequest{Reason: "x", By: "somebody"}, "invalid"},
		"no lines":                   {workflows.CancelLines, workflows.CancelLinesRequest{RequestID: uuid.New(), Reason: "x", By: "customer"}, "invalid"},
		"lines without a request id": {workflows.CancelLines, workflows.CancelLinesRequest{Lines: one, Reason: "x", By: "customer"}, "invalid"},
		"address abroad":             {workflows.AmendAddress, abroad, "country_fixed"},
		"address in the clear":       {workflows.AmendAddress, workflows.AmendRequest{Country: "DE", By: "customer"}, "invalid"},
		"approval of a free order":   {workflows.ApproveOrder, workflows.ReviewRequest{By: "alice"}, "not_held"},
		"review by nobody":           {workflows.RejectOrder, workflows.ReviewRequest{By: " "}, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, map[string]int{"A@berlin": 5}, noReview)
			a := p.ask(hour, c.update, c.request)
			p.deliver(2*hour, "berlin")
			p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
			require.True(t, a.rejected)
			require.Equal(t, c.code, code(a.err))
		})
	}
}

func TestRefusalOfASignalIsShownInTheDetails(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var shown []string
	look := func(after time.Duration) {
		p.env.RegisterDelayedCallback(func() { shown = append(shown, p.details(t)) }, after)
	}
	p.at(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "x", By: "a passer-by"})
	look(61 * time.Minute)
	p.at(2*hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: uuid.New()})
	look(121 * time.Minute)
	p.deliver(3*hour, "berlin")
	look(181 * time.Minute)
	p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Contains(t, shown[0], "**Last refusal:** invalid: by:")
	require.Contains(t, shown[0], "Waiting for the dispatch of 1 of 1 shipments, from berlin.")
	require.Contains(t, shown[1], "**Last refusal:** shipment_not_found")
	require.Contains(t, shown[2], "Waiting for the delivery of 1 of 1 shipments: DHL T-berlin.")
	require.NotContains(t, shown[2], "Last refusal", "what came after it was carried out")
}

func TestCancelledExecutionIsACancelledOrder(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.env.RegisterDelayedCallback(p.env.CancelWorkflow, hour)
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, "operator_request", told.Reason)
	p.audit(t, scenario{}, told)
}

func TestCancelledExecutionOfAShippedOrderGoesOn(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	p.env.RegisterDelayedCallback(p.env.CancelWorkflow, 90*time.Minute)
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Equal(t, order.StatusDelivered, told.Status)
}

func TestPartialCancellationFreesStockAndIsNotCaptured(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5, "B@berlin": 5}, noReview)
	request := workflows.CancelLinesRequest{RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: "A", Quantity: 2}}, Reason: "x", By: "customer"}
	first := p.ask(hour, workflows.CancelLines, request)
	again := p.ask(hour+time.Minute, workflows.CancelLines, request)
	other := request
	other.Lines = []order.LineQuantity{{SKU: "B", Quantity: 1}}
	reused := p.ask(hour+time.Minute, workflows.CancelLines, other)
	rest := p.ask(hour+2*time.Minute, workflows.CancelLines, workflows.CancelLinesRequest{
		RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: "B", Quantity: 3}}, Reason: "x", By: "customer",
	})
	p.deliver(2*hour, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00"), item("B", 2, "5.00")))
	require.NoError(t, first.err)
	require.NoError(t, again.err)
	require.Equal(t, "idempotency_key_reused", code(reused.err), "another request under the same id")
	require.Equal(t, "invalid", code(rest.err), "more than there is")
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, "10.00", p.payment(t).Captured.Text())
	require.Equal(t, 5, p.stock(t, "A@berlin").Available())
	p.audit(t, scenario{}, told)
}

// addressAt is an amendment to an address of this first line.
func addressAt(line1 string) domain.Sealed {
	text := fmt.Sprintf(`{"shipping_address":{"line1":%q,"city":"Berlin","zip":"10119","country":"DE"}}`, line1)
	return domain.Sealed{Key: "test", Data: []byte(text)}
}

// street is the first line of the order's address.
func (p *platform) street(t *testing.T) string {
	t.Helper()
	var r order.Recipient
	require.NoError(t, json.Unmarshal(p.order(t).Personal.Data, &r))
	return r.ShippingAddress.Line1
}

func TestAmendedAddressReplacesTheOldOne(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	a := p.ask(hour, workflows.AmendAddress, workflows.AmendRequest{Country: "DE", Personal: addressAt("new"), By: "customer"})
	b := p.ask(hour+time.Minute, workflows.AmendAddress, workflows.AmendRequest{Country: "DE", Personal: addressAt("newer"), By: "customer"})
	keyed := workflows.AmendRequest{RequestID: uuid.New(), RequestHash: "h", Country: "DE", Personal: addressAt("keyed"), By: "customer"}
	d := p.ask(hour+2*time.Minute, workflows.AmendAddress, keyed)
	e := p.ask(hour+3*time.Minute, workflows.AmendAddress, workflows.AmendRequest{Country: "DE", Personal: addressAt("newest"), By: "customer"})
	late := p.ask(hour+4*time.Minute, workflows.AmendAddress, keyed)
	other := keyed
	other.RequestHash = "another"
	reused := p.ask(hour+5*time.Minute, workflows.AmendAddress, other)
	p.deliver(2*hour, "berlin")
	c := p.ask(150*time.Minute, workflows.AmendAddress, workflows.AmendRequest{Country: "DE", Personal: addressAt("late"), By: "customer"})
	p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.NoError(t, a.err)
	require.NoError(t, b.err)
	for _, ok := range []*answer{d, e, late} {
		require.NoError(t, ok.err)
	}
	require.Equal(t, "idempotency_key_reused", code(reused.err))
	require.Equal(t, "not_amendable", code(c.err))
	require.Equal(t, "newest", p.street(t), "a request that comes late brings no old address back")
	p.auditEvents(t)
}

func TestOverdueOrderIsMarkedAndGoesOn(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	in := p.input("tok_approve", item("A", 2, "10.00"))
	in.Deadlines.Dispatch = hour
	var shown string
	var overdue bool
	p.env.RegisterDelayedCallback(func() { shown, overdue = p.details(t), p.order(t).Overdue }, 90*time.Minute)
	p.deliver(2*hour, "berlin")
	told := p.play(t, in)
	require.Contains(t, shown, "**Overdue:**")
	require.True(t, overdue)
	require.False(t, p.order(t).Overdue, "its shipment has left since")
	require.Equal(t, order.StatusDelivered, told.Status)
}

func TestHeldOrderAnswersItsReviewers(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, activities.ReviewRules{Above: []money.Money{money.Must("5.00", "EUR")}})
	a := p.ask(hour, workflows.RejectOrder, workflows.ReviewRequest{By: "alice"})
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.NoError(t, a.err)
	require.Equal(t, order.StatusCancelled, a.state.Status)
	require.Equal(t, order.ReasonReviewRejected, told.Reason)
	require.Empty(t, p.payment(t).Status, "nobody asked for money before the review")
}

// gatewayDown is a gateway that gives no answer while it is down; what it is asked takes effect or not.
type gatewayDown struct {
	*sandbox.Gateway
	down        atomic.Bool
	takesEffect bool
}

var errDown = payments.NoAnswer(errors.New("the line is dead"))

func (g *gatewayDown) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	if !g.down.Load() {
		return g.Gateway.Authorize(ctx, r)
	}
	if g.takesEffect {
		if _, err := g.Gateway.Authorize(ctx, r); err != nil {
			return payments.AuthorizeResult{}, err
		}
	}
	return payments.AuthorizeResult{}, errDown
}

func (g *gatewayDown) Void(ctx context.Context, r payments.VoidRequest) error {
	if g.down.Load() {
		return errDown
	}
	return g.Gateway.Void(ctx, r)
}

// It fails without the bound on the durable attempts (payment_saga.go, authorizePayment), and the stock part
// without compensations that don't wait for each other (compensation.go, start).
func TestGatewayOutageBeyondTheDeadlineCancelsAndFreesTheStockAtOnce(t *testing.T) {
	t.Parallel()
	for name, takesEffect := range map[string]bool{"nothing was authorised": false, "money was authorised without an answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := &gatewayDown{takesEffect: takesEffect}
			gateway.down.Store(true)
			p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
				gateway.Gateway = g
				return gateway
			})
			var during order.Order
			var reserved int
			p.env.RegisterDelayedCallback(func() {
				during, reserved = p.order(t), p.stock(t, "A@berlin").Reserved
			}, 2*hour)
			p.env.RegisterDelayedCallback(func() { gateway.down.Store(false) }, 5*hour)
			in := p.input("tok_approve", item("A", 2, "10.00"))
			in.Deadlines.Payment = hour
			told := p.play(t, in)
			require.Equal(t, order.StatusCancelled, during.Status, "after the deadline, with the gateway still down")
			require.Zero(t, reserved, "the stock waits for the gateway")
			require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
			p.audit(t, scenario{}, told)
		})
	}
}

func TestGatewayOutageWithinTheDeadlineIsOutwaited(t *testing.T) {
	t.Parallel()
	gateway := &gatewayDown{takesEffect: true}
	gateway.down.Store(true)
	p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
		gateway.Gateway = g
		return gateway
	})
	p.env.RegisterDelayedCallback(func() { gateway.down.Store(false) }, 10*time.Minute)
	p.deliver(2*hour, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// No setting has reached such an input; a zero must neither cancel the order at once nor let it wait for ever.
func TestAnOrderWithoutDeadlinesWaitsForAMonth(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	in := p.input("tok_require_action", item("A", 1, "10.00"))
	in.Deadlines = workflows.Deadlines{}
	begin := p.env.Now()
	told := p.play(t, in)
	require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
	require.WithinDuration(t, begin.Add(30*24*hour), p.env.Now(), hour)
}

func TestConfirmationAfterTheDeadlineIsLetGo(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	told := p.play(t, p.input("tok_require_action", item("A", 2, "10.00")))
	require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
	// The bank's confirmation reaches a gateway that lets no payment in any more, and us after all.
	late := setupLike(p)
	id := payment.ID(p.orderID)
	late.env.ExecuteWorkflow(workflows.LatePaymentSaga, workflows.LatePayment{
		OrderID: p.orderID, PaymentID: id, GatewayRef: "sandbox_" + id.String(),
	})
	require.NoError(t, late.env.GetWorkflowError())
	p.audit(t, scenario{}, told)
}

// The bank's confirmation may be reported before the payment's own saga is there to hear it.
func TestConfirmationThatComesTooEarlyIsPassedOn(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	id := payment.ID(p.orderID)
	update := workflows.PaymentUpdate{GatewayRef: "sandbox_" + id.String()}
	p.place(t, p.input("tok_require_action", item("A", 2, "10.00")))
	_, err := p.gateway.Authorize(t.Context(), payments.AuthorizeRequest{
		IdempotencyKey: "first", PaymentID: id, OrderID: p.orderID, Amount: money.Must("20.00", "EUR"), Token: "tok_require_action",
	})
	require.NoError(t, err)
	asked := 0
	p.env.OnSignalExternalWorkflow("default-test-namespace", workflows.PaymentSagaID(p.orderID), "", workflows.PaymentUpdated, update).
		Return(func(string, string, string, string, any) error {
			if asked++; asked < 3 {
				return errors.New("not there yet")
			}
			return nil
		})
	p.env.ExecuteWorkflow(workflows.LatePaymentSaga, workflows.LatePayment{OrderID: p.orderID, PaymentID: id, GatewayRef: update.GatewayRef})
	require.NoError(t, p.env.GetWorkflowError())
	require.Equal(t, 3, asked)
	require.Empty(t, p.payment(t).Status, "nothing is recorded for a payment that somebody else decides on")
}

// An account at a gateway may serve others too: their reports end at once.
func TestAReportOfAStrangerEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	id := payment.ID(p.orderID)
	_, err := p.gateway.Authorize(t.Context(), payments.AuthorizeRequest{
		IdempotencyKey: "first", PaymentID: id, OrderID: p.orderID, Amount: money.Must("20.00", "EUR"), Token: "tok_approve",
	})
	require.NoError(t, err)
	begin := p.env.Now()
	p.env.ExecuteWorkflow(workflows.LatePaymentSaga, workflows.LatePayment{OrderID: p.orderID, PaymentID: id, GatewayRef: "sandbox_" + id.String()})
	require.NoError(t, p.env.GetWorkflowError())
	require.WithinDuration(t, begin, p.env.Now(), time.Second)
}

// asked keeps what a gateway is asked to authorise.
type asked struct {
	*sandbox.Gateway
	authorizations *[]payments.AuthorizeRequest
}

func (a asked) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	*a.authorizations = append(*a.authorizations, r)
	return a.Gateway.Authorize(ctx, r)
}

// The customer's consent goes to the gateway with each authorisation, and the second names the first.
func TestAnAuthorisationThatRanOutIsMadeAnewWithTheCustomersConsent(t *testing.T) {
	t.Parallel()
	var authorizations []payments.AuthorizeRequest
	p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway { return asked{g, &authorizations} })
	begin := p.env.Now()
	p.dispatchAt(8*24*hour, "berlin")
	p.reportAt(9*24*hour, workflows.ShipmentDelivered, "berlin")
	in := p.input("tok_approve", item("A", 2, "10.00"))
	in.KeepPaymentMethod = true
	require.Equal(t, order.StatusDelivered, p.play(t, in).Status)
	require.Len(t, authorizations, 2)
	require.True(t, authorizations[0].Keep)
	require.True(t, authorizations[1].Keep)
	require.Equal(t, [2]string{"", "sandbox_" + payment.ID(p.orderID).String()}, [2]string{authorizations[0].EarlierRef, authorizations[1].EarlierRef})
	require.WithinDuration(t, begin, authorizations[0].AskedAt, time.Minute, "since the saga was started")
	require.Equal(t, 6*24*hour, authorizations[1].AskedAt.Sub(begin), "since the first ran out")
}

// Whoever may signal a saga can't make it believe that the bank has confirmed.
func TestASignalByHandConfirmsNothing(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.env.RegisterDelayedCallback(func() {
		require.NoError(t, p.env.SignalWorkflowByID(workflows.PaymentSagaID(p.orderID), workflows.PaymentUpdated,
			map[string]string{"gateway_ref": "pi_any", "status": "authorized"}))
	}, hour)
	told := p.play(t, p.input("tok_require_action", item("A", 2, "10.00")))
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
	p.audit(t, scenario{}, told)
}

// A report may get lost: at the deadline the gateway is asked before the order is given up.
func TestAConfirmationWhoseReportWasLostIsSeenAtTheDeadline(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.env.RegisterDelayedCallback(func() { require.NoError(t, p.gateway.Confirm(payment.ID(p.orderID), true)) }, hour)
	in := p.input("tok_require_action", item("A", 2, "10.00"))
	in.Deadlines.Payment = 2 * time.Hour
	p.dispatchAt(3*hour, "berlin")
	p.reportAt(4*hour, workflows.ShipmentDelivered, "berlin")
	told := p.play(t, in)
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// setupLike is another execution on the same platform.
func setupLike(p *platform) *platform {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	q := *p
	q.env = suite.NewTestWorkflowEnvironment()
	q.register(q.gateway, noReview)
	return &q
}

func TestReturnRefundsOnceAndRestocksWhatCanBeSold(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 3, "10.00")))
	in := workflows.ReturnInput{OrderID: p.orderID, ReturnID: uuid.New(), Reason: "too_small", Lines: []order.ReturnLine{
		{SKU: "A", Quantity: 1, Restock: true}, {SKU: "A", Quantity: 1},
	}}
	for range 2 { // the second time as after a lost answer
		r := setupLike(p)
		r.env.SetStartTime(p.env.Now())
		r.env.ExecuteWorkflow(workflows.ReturnSaga, in)
		require.NoError(t, r.env.GetWorkflowError())
		var result workflows.ReturnResult
		require.NoError(t, r.env.GetWorkflowResult(&result))
		require.Equal(t, "20.00", result.Refund.Amount.Text())
		require.Equal(t, payment.RefundStatusPaid, result.Refund.Status)
	}
	require.Equal(t, "20.00", p.payment(t).Refunded.Text())
	require.Equal(t, 3, p.stock(t, "A@berlin").OnHand)

	in.ReturnID = uuid.New()
	r := setupLike(p)
	r.env.SetStartTime(p.env.Now())
	r.env.ExecuteWorkflow(workflows.ReturnSaga, in)
	require.Equal(t, "invalid", code(r.env.GetWorkflowError()), "only one piece is left to return")

	late := setupLike(p)
	late.env.SetStartTime(p.env.Now().Add(order.ReturnWindow + hour))
	in.Lines = in.Lines[:1]
	late.env.ExecuteWorkflow(workflows.ReturnSaga, in)
	require.Equal(t, "return_window_closed", code(late.env.GetWorkflowError()))
}

func TestRefundNeverGivesMoreThanWasCaptured(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 3, "10.00")))
	for _, c := range []struct{ amount, code string }{{"25.00", ""}, {"5.01", "refund_exceeds_capture"}, {"5.00", ""}, {"0.01", "refund_exceeds_capture"}} {
		r := setupLike(p)
		r.env.ExecuteWorkflow(workflows.RefundSaga, workflows.RefundInput{
			OrderID: p.orderID, RefundID: uuid.New(), Amount: money.Must(c.amount, "EUR"), Reason: "goodwill",
		})
		require.Equal(t, c.code, code(r.env.GetWorkflowError()), c.amount)
	}
	require.Equal(t, payment.StatusRefunded, p.payment(t).Status)
}

// When Temporal has forgotten an order, its saga could be started a second time.
func TestSecondSagaOfAnOrderLeavesItAsItIs(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	in := p.input("tok_approve", item("A", 3, "10.00"))
	told := p.play(t, in)
	second := setupLike(p)
	second.env.SetStartTime(p.env.Now().Add(90 * 24 * hour))
	again := second.play(t, in)
	require.Equal(t, order.StatusDelivered, again.Status)
	p.audit(t, scenario{}, told)

	in.RequestHash = "another"
	third := setupLike(p)
	third.env.SetStartTime(p.env.Now().Add(91 * 24 * hour))
	third.env.ExecuteWorkflow(workflows.OrderSaga, in)
	require.Equal(t, "idempotency_key_reused", code(third.env.GetWorkflowError()))
}

func TestStockReceiptServesWhoeverWaitsFirst(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 1}, noReview)
	in := p.input("tok_approve", item("A", 3, "10.00"))
	in.AllowBackorder = true
	p.env.RegisterDelayedCallback(func() {
		r := setupLike(p)
		r.env.OnSignalExternalWorkflow("default-test-namespace", workflows.InventorySagaID(p.orderID), "", workflows.StockServed, nil).Return(nil).Once()
		r.env.ExecuteWorkflow(workflows.StockReceiptSaga, workflows.StockReceipt{ReceiptID: uuid.New(), SKU: "A", Location: "berlin", Quantity: 2})
		require.NoError(t, r.env.GetWorkflowError())
		r.env.AssertExpectations(t)
		p.onHand["A@berlin"] += 2
		require.NoError(t, p.env.SignalWorkflowByID(workflows.InventorySagaID(p.orderID), workflows.StockServed, nil))
	}, hour)
	p.deliver(2*hour, "berlin")
	told := p.play(t, in)
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

func TestReconciliationRecordsWhatDiffersOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.env.SetStartTime(time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)) // before midnight nothing is paid out
	p.deliver(hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 3, "10.00")))
	reconcile := func(want activities.Reconciled) {
		r := setupLike(p)
		r.env.SetStartTime(p.env.Now().Add(2 * hour))
		r.env.ExecuteWorkflow(workflows.ReconciliationSaga, workflows.ReconciliationInput{})
		require.NoError(t, r.env.GetWorkflowError())
		var got activities.Reconciled
		require.NoError(t, r.env.GetWorkflowResult(&got))
		got.Found = nil
		require.Equal(t, want, got)
	}
	reconcile(activities.Reconciled{Compared: 1})
	// Somebody refunds by hand, in the gateway's own web page.
	_, err := p.gateway.Refund(context.Background(), payments.RefundRequest{
		IdempotencyKey: "by hand", PaymentID: payment.ID(p.orderID), GatewayRef: "sandbox_" + payment.ID(p.orderID).String(),
		Amount: money.Must("4.00", "EUR"),
	})
	require.NoError(t, err)
	reconcile(activities.Reconciled{Compared: 1, Differences: 1})
	reconcile(activities.Reconciled{Compared: 1, Differences: 1})
	p.auditEvents(t)
}

func TestNotesAndDetailsNeedNoOrdersSaga(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 3}, noReview)
	in := p.input("tok_approve", item("A", 3, "10.00"))
	p.play(t, in) // to its delivery
	note := workflows.NoteInput{
		OrderID: p.orderID, NoteID: uuid.New(), RequestHash: "h", CustomerID: in.CustomerID, Text: domain.Sealed{Key: "inline", Data: []byte(`"x"`)}, Author: "ann",
	}
	details := workflows.DetailsInput{OrderID: p.orderID, RequestID: uuid.New(), Change: order.DetailsChange{AddTags: []string{"rush"}}, By: "ann"}
	for _, replayed := range []bool{false, true} {
		for saga, in := range map[string]any{"note": note, "details": details} {
			r := setupLike(p)
			if saga == "note" {
				r.env.ExecuteWorkflow(workflows.NoteSaga, in)
			} else {
				r.env.ExecuteWorkflow(workflows.DetailsSaga, in)
			}
			var out workflows.Recorded
			require.NoError(t, r.env.GetWorkflowResult(&out))
			require.Equal(t, replayed, out.Replayed, saga)
		}
	}
	note.OrderID = uuid.New()
	r := setupLike(p)
	r.env.ExecuteWorkflow(workflows.NoteSaga, note)
	require.Equal(t, "not_found", code(r.env.GetWorkflowError()))
}
