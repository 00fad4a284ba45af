package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// stripeShop is a platform whose payment gateway is Stripe, with a fake in its place.
type stripeShop struct {
	*shop
	fake *stripefake.Server
	// environment and program are those of the command line.
	environment []string
	program     string
}

const (
	stripeKey    = "sk_test_e2e"
	stripeSecret = "whsec_e2e" //nolint:gosec // of a fake
	masterKeys   = "e2e:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

func openStripeShop(t *testing.T) *stripeShop {
	t.Helper()
	s := &stripeShop{fake: stripefake.Start(stripefake.Options{Key: stripeKey, APIVersion: stripe.APIVersion})}
	t.Cleanup(s.fake.Close)
	s.fake.Advance(time.Since(s.fake.Now()))
	set := []string{
		"ORDERLOOM_PAYMENT_GATEWAY", "stripe", "STRIPE_API_KEY", stripeKey, "STRIPE_WEBHOOK_SECRET", stripeSecret,
		"ORDERLOOM_STRIPE_URL", s.fake.URL, "ORDERLOOM_STRIPE_RETURN_URL", "https://shop.example/{order_id}", "ORDERLOOM_MASTER_KEYS", masterKeys,
	}
	s.shop = openShop(t, set...)
	s.environment = append(os.Environ(), "ORDERLOOM_MODE="+string(s.platform.Config.HTTP.Access.Mode))
	for i := 0; i < len(set); i += 2 {
		s.environment = append(s.environment, set[i]+"="+set[i+1])
	}
	for name, value := range s.platform.Stack.Environment() {
		s.environment = append(s.environment, name+"="+value)
	}
	return s
}

// buy places an order of two pieces at 10.00 EUR, and waits until it is confirmed.
func (s *stripeShop) buy(t *testing.T) *drilled {
	t.Helper()
	o := &drilled{shop: s.shop, t: t, sku: uuid.NewString()}
	o.receive("berlin", o.sku, 2)
	placed, err := o.PlaceOrder(t.Context(), client.NewOrder{
		CustomerID: "c-" + o.sku, Currency: "EUR", PaymentToken: stripefake.CardVisa,
		Items:           []client.NewItem{{ProductID: "p", SKU: o.sku, Quantity: 2, UnitPrice: "10.00"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	})
	require.NoError(t, err)
	o.id = placed.OrderID
	o.awaitStatus(client.OrderConfirmed)
	return o
}

func (s *stripeShop) intents(o *drilled) []stripefake.Intent {
	return s.fake.Intents(payment.ID(o.id).String())
}

// refuse lets Stripe refuse the next request to a path.
func (s *stripeShop) refuse(path string) {
	s.fake.Inject(stripefake.Fault{Method: http.MethodPost, Path: path, Status: http.StatusBadRequest, Kept: true})
}

// awaitAttention waits until an order waits for a person because of a cause.
func (o *drilled) awaitAttention(cause client.AttentionCause) (found client.Attention) {
	o.t.Helper()
	o.await(string(cause), func() bool {
		for _, a := range o.shown().Attention {
			if a.Cause == cause {
				found = a
				return true
			}
		}
		return false
	})
	return found
}

// orderloom carries out a command line against the running platform.
func (s *stripeShop) orderloom(t *testing.T, arguments ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), s.program, arguments...) //nolint:gosec // our own program
	c.Env = s.environment
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%v: %s", arguments, out)
	return string(out)
}

// Each action of the list that a command carries out is carried out, on a platform that runs.
func TestWhatWaitsIsRetriedAndResolvedOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := openStripeShop(t)
	s.program = filepath.Join(t.TempDir(), "orderloom")
	built, err := exec.CommandContext(t.Context(), "go", "-C", "../..", "build", "-o", s.program, "./cmd/orderloom").CombinedOutput() //nolint:gosec // ours
	require.NoError(t, err, "%s", built)
	const mended = "it does not wait any more"

	t.Run("a void is retried", func(t *testing.T) {
		o := s.buy(t)
		s.refuse("/v1/payment_intents/*/cancel")
		cancelled, err := o.CancelOrder(t.Context(), o.id, client.CancelOrder{Reason: "changed_mind"})
		require.NoError(t, err)
		require.NotNil(t, cancelled.Settled)
		require.False(t, *cancelled.Settled, "the gateway holds the money")
		waiting := o.awaitAttention(client.AttentionVoidFailed)
		require.Contains(t, s.orderloom(t, "attention", "list"), waiting.AttentionID.String())
		require.Contains(t, s.orderloom(t, "attention", "retry", waiting.AttentionID.String()), mended)
		o.await("a settled order", func() bool { return o.shown().Settled })
		require.Zero(t, s.fake.Account(payment.ID(o.id).String()).Held)
		again, err := o.CancelOrder(t.Context(), o.id, client.CancelOrder{Reason: "changed_mind"})
		require.NoError(t, err)
		require.True(t, *again.Settled)
	})
	t.Run("a void is resolved", func(t *testing.T) {
		o := s.buy(t)
		s.refuse("/v1/payment_intents/*/cancel")
		_, err := o.CancelOrder(t.Context(), o.id, client.CancelOrder{Reason: "changed_mind"})
		require.NoError(t, err)
		waiting := o.awaitAttention(client.AttentionVoidFailed)
		require.True(t, s.fake.CancelElsewhere(s.intents(o)[0].ID))
		require.Contains(t, s.orderloom(t, "attention", "resolve", waiting.AttentionID.String(), "--amount", "20.00", "--reference", "pi"), mended)
		o.await("a settled order", func() bool { return o.shown().Settled })
	})
	t.Run("a capture is retried", func(t *testing.T) {
		o := s.buy(t)
		s.refuse("/v1/payment_intents/*/capture")
		_, err := o.DispatchShipment(t.Context(), o.id, o.shipmentFrom("berlin").ShipmentID, client.Dispatch{Carrier: "DHL", TrackingNumber: "T7"})
		require.Error(t, err)
		waiting := o.awaitAttention(client.AttentionCaptureFailed)
		require.Contains(t, waiting.Actions, client.AttentionRetry)
		require.Contains(t, s.orderloom(t, "attention", "retry", waiting.AttentionID.String()), mended)
		o.awaitStatus(client.OrderShipped)
		left := o.shipmentFrom("berlin")
		require.Equal(t, []string{"DHL", "T7"}, []string{left.Carrier, left.TrackingNumber})
		require.EqualValues(t, 2_000, s.fake.Account(payment.ID(o.id).String()).Captured)
		require.Contains(t, s.orderloom(t, "attention", "retry", waiting.AttentionID.String(), "--order", o.id.String()), "does not wait any more")
	})
	refused := func(t *testing.T) (*drilled, client.Attention) {
		o := s.buy(t)
		o.ship("berlin")
		s.refuse("/v1/refunds")
		_, err := o.RefundPayment(t.Context(), o.id, client.RefundPayment{Amount: "5.00", Currency: "EUR", Reason: "late"})
		var problem *client.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, client.CodeGatewayRefused, problem.Code)
		return o, o.awaitAttention(client.AttentionRefundFailed)
	}
	t.Run("a refund is retried", func(t *testing.T) {
		o, waiting := refused(t)
		require.Contains(t, s.orderloom(t, "attention", "retry", waiting.AttentionID.String()), mended)
		o.await("the refund", func() bool { return o.shown().Refunds[0].Status == client.RefundPaid && o.shown().Settled })
		require.EqualValues(t, 500, s.fake.Account(payment.ID(o.id).String()).Refunded)
	})
	t.Run("a refund is resolved", func(t *testing.T) {
		o, waiting := refused(t)
		require.Contains(t, s.orderloom(t, "attention", "resolve", waiting.AttentionID.String(), "--amount", "5", "--reference", "SEPA-1"), mended)
		o.await("the refund", func() bool { return o.shown().Refunds[0].Status == client.RefundPaid && o.shown().Settled })
		require.Zero(t, s.fake.Account(payment.ID(o.id).String()).Refunded, "the gateway was not asked")
	})
	page, err := s.ListOrders(t.Context(), client.OrderQuery{Settled: new(false)})
	require.NoError(t, err)
	for _, o := range page.Orders {
		require.Equal(t, client.OrderShipped, o.Status, "all others are finished")
	}
	require.Len(t, page.Orders, 1)
	require.Contains(t, s.orderloom(t, "attention", "list"), "Nothing waits for a person.")
}

// A refund that is asked for while Stripe hangs is answered with its id, and paid once.
func TestARefundAskedOfAHangingGatewayIsPaidOnce(t *testing.T) {
	t.Parallel()
	s := openStripeShop(t)
	o := s.buy(t)
	o.ship("berlin")
	s.fake.Inject(stripefake.Fault{Method: http.MethodPost, Path: "/v1/refunds", Hang: true, Effect: true, Times: 1_000})
	asked := client.RefundPayment{Amount: "5.00", Currency: "EUR", Reason: "late"}
	begun := time.Now()
	refunded, err := o.RefundPayment(t.Context(), o.id, asked, client.IdempotencyKey("once"))
	require.NoError(t, err)
	require.Less(t, time.Since(begun), answeredWithin)
	require.NotEqual(t, uuid.Nil, refunded.Refund.RefundID)
	require.Equal(t, client.RefundRequested, refunded.Refund.Status)
	again, err := o.RefundPayment(t.Context(), o.id, asked, client.IdempotencyKey("once"))
	require.NoError(t, err)
	require.Equal(t, refunded.Refund.RefundID, again.Refund.RefundID)
	_, err = o.RefundPayment(t.Context(), o.id, asked, client.IdempotencyKey("another"))
	var problem *client.Problem
	require.ErrorAs(t, err, &problem)
	require.Equal(t, client.CodeRefundUnderWay, problem.Code)
	s.fake.Relent()
	o.await("the refund", func() bool { return o.shown().Refunds[0].Status == client.RefundPaid })
	require.Len(t, o.shown().Refunds, 1)
	require.Len(t, s.intents(o)[0].Refunds, 1)
	require.EqualValues(t, 500, s.fake.Account(payment.ID(o.id).String()).Refunded)
}

// An order that waits for money goes on waiting in another run, to the same deadline, and takes a new means of payment.
func TestAnOrderThatWaitsForMoneySurvivesItsRun(t *testing.T) {
	t.Parallel()
	s := openStripeShop(t)
	for name, endRun := range map[string]func(*drilled){
		"reset": func(o *drilled) {
			tasks := o.tasks()
			o.reset(tasks[len(tasks)-1])
		},
		"continued as new": func(o *drilled) {
			for range 1_000 {
				require.NoError(t, o.sagas.SignalWorkflow(t.Context(), workflows.OrderSagaID(o.id), "", workflows.PaymentChanged, nil))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := s.buy(t)
			require.True(t, s.fake.CancelElsewhere(s.intents(o)[0].ID))
			require.NoError(t, s.post(t, s.fakeEvent(t, "payment_intent.canceled", s.intents(o)[0].ID)))
			o.await("the missing money", func() bool { return o.shown().MissingPayment != nil })
			before, run := o.shown().MissingPayment, o.running()
			endRun(o)
			o.await("another run", func() bool { now := o.running(); return now != "" && now != run })
			o.awaitAttention(client.AttentionPaymentRequired)
			require.Equal(t, before, o.shown().MissingPayment, "no other deadline")
			declined, err := o.ProvidePayment(t.Context(), o.id, client.NewPayment{PaymentToken: stripefake.CardNoFunds})
			require.NoError(t, err)
			require.Equal(t, client.PaymentRequired, declined.PaymentStatus)
			_, err = o.ProvidePayment(t.Context(), o.id, client.NewPayment{PaymentToken: stripefake.CardVisa})
			require.NoError(t, err)
			o.await("the money", func() bool { return o.shown().MissingPayment == nil })
			o.ship("berlin")
			o.await("a settled order", func() bool { return o.shown().Settled })
			require.EqualValues(t, 2_000, s.fake.Account(payment.ID(o.id).String()).Captured)
		})
	}
}

// fakeEvent is the body of the last event of the fake that is about something.
func (s *stripeShop) fakeEvent(t *testing.T, kind, about string) []byte {
	t.Helper()
	var body []byte
	for _, e := range s.fake.Events(kind) {
		if bytes.Contains(e.Body, []byte(about)) {
			body = e.Body
		}
	}
	require.NotNil(t, body)
	return body
}

// post delivers a webhook with a valid signature. Its error is the answer's status and code.
func (s *stripeShop) post(t *testing.T, body []byte) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.platform.APIURL+"/webhooks/stripe", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(stripe.SignatureHeader, stripefake.Sign(body, time.Now(), stripeSecret))
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var problem struct{ Code string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&problem))
	return fmt.Errorf("%d %s", response.StatusCode, problem.Code)
}

// Reports that are signed, and are about nothing of ours or say what is not so, change no order. None of their sagas
// tries anything again.
func TestReportsOfStrangersChangeNothing(t *testing.T) {
	t.Parallel()
	s := openStripeShop(t)
	confirmed, delivered := s.buy(t), s.buy(t)
	delivered.ship("berlin")
	delivered.await("a settled order", func() bool { return delivered.shown().Settled })
	before := []client.Order{confirmed.shown(), delivered.shown()}
	n := 0
	report := func(kind string, object map[string]any, change ...func(map[string]any)) {
		n++
		e := map[string]any{
			"id": fmt.Sprintf("evt_stranger%d", n), "object": "event", "type": kind, "api_version": stripe.APIVersion, "created": time.Now().Unix(),
			"data": map[string]any{"object": object}, "request": map[string]any{"id": nil, "idempotency_key": nil},
		}
		for _, f := range change {
			f(e)
		}
		body, err := json.Marshal(e)
		require.NoError(t, err)
		require.NoError(t, s.post(t, body), "%s %v", kind, object)
	}
	oldVersion := func(e map[string]any) { e["api_version"], e["request"] = "2016-07-06", "req_old" }
	for _, o := range []*drilled{confirmed, delivered} {
		ours := s.intents(o)[0].ID
		of := func(paymentID, orderID uuid.UUID) map[string]string {
			return map[string]string{"payment_id": paymentID.String(), "order_id": orderID.String()}
		}
		for _, meta := range []map[string]string{
			of(payment.ID(o.id), o.id), of(uuid.New(), o.id), of(payment.ID(o.id), uuid.New()), of(uuid.New(), uuid.New()), {},
		} {
			for _, id := range []string{ours, "pi_of_a_stranger"} {
				for _, kind := range []string{"payment_intent.canceled", "payment_intent.payment_failed", "payment_intent.amount_capturable_updated"} {
					for _, change := range [][]func(map[string]any){nil, {oldVersion}} {
						report(kind, map[string]any{
							"id": id, "object": "payment_intent", "amount": 999_999, "currency": "jpy", "status": "requires_capture", "metadata": meta,
							"cancellation_reason": "abandoned",
						}, change...)
					}
				}
				charge := map[string]any{"id": "ch_1", "object": "charge", "payment_intent": id, "amount_captured": 77, "amount_refunded": 77, "currency": "eur", "metadata": meta}
				report("charge.captured", charge)
				report("charge.refunded", charge)
				for _, status := range []string{"pending", "failed", "succeeded"} {
					refund := map[string]any{"id": "re_1", "object": "refund", "payment_intent": id, "amount": 77, "currency": "usd", "status": status, "metadata": meta}
					report("refund.created", refund)
					report("refund.updated", refund, oldVersion)
					report("refund.failed", refund)
				}
				for _, kind := range []string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"} {
					report(kind, map[string]any{
						"id": "dp_1", "object": "dispute", "payment_intent": id, "amount": 77, "currency": "eur", "status": "lost", "metadata": meta,
					})
				}
			}
		}
	}
	for _, body := range []string{`{"hello": 1}`, `[]`, `null`, `{"id": "evt_1", "type": "refund.failed", "data": {"object": []}}`, `no JSON`} {
		require.ErrorContains(t, s.post(t, []byte(body)), "not_an_event", body)
	}
	await(t, "the end of all sagas of reports", func() bool {
		open, err := s.sagas.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: s.platform.Config.Temporal.Namespace, Query: "WorkflowType = 'LatePaymentSaga'",
		})
		return err == nil && open.GetCount() > 0 && s.openReports(t) == 0
	})
	s.requireReportsTriedOnce(t)
	for i, o := range []*drilled{confirmed, delivered} {
		now := o.shown()
		require.Equal(t, before[i].Version, now.Version)
		require.Equal(t, before[i].PaymentVersion, now.PaymentVersion)
	}
	confirmed.ship("berlin")
	confirmed.await("a settled order", func() bool { return confirmed.shown().Settled })
}

func (s *stripeShop) openReports(t *testing.T) int64 {
	t.Helper()
	open, err := s.sagas.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: s.platform.Config.Temporal.Namespace, Query: "WorkflowType = 'LatePaymentSaga' AND ExecutionStatus = 'Running'",
	})
	require.NoError(t, err)
	return open.GetCount()
}

// requireReportsTriedOnce asserts that no saga of a report has slept, failed, or asked again.
func (s *stripeShop) requireReportsTriedOnce(t *testing.T) {
	t.Helper()
	listed, err := s.sagas.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: s.platform.Config.Temporal.Namespace, Query: "WorkflowType = 'LatePaymentSaga'", PageSize: 1_000,
	})
	require.NoError(t, err)
	require.NotEmpty(t, listed.GetExecutions())
	for _, x := range listed.GetExecutions() {
		id := x.GetExecution().GetWorkflowId()
		require.Equal(t, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, x.GetStatus(), id)
		if strings.Contains(id, "stranger") {
			require.Less(t, x.GetHistoryLength(), int64(16), id)
		}
	}
}
