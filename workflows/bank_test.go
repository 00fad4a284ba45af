package workflows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// atStripe is a platform whose payments are at a fake of Stripe. Both have the environment's time.
func atStripe(t *testing.T) (*platform, *stripefake.Server) {
	t.Helper()
	fake := stripefake.Start(stripefake.Options{Key: "sk_test_key"})
	t.Cleanup(fake.Close)
	var p *platform
	gateway, err := stripe.New(stripe.Options{
		Key: "sk_test_key", ReturnURL: "https://shop.example/{order_id}", URL: fake.URL, Now: func() time.Time { return p.env.Now() },
	})
	require.NoError(t, err)
	p = setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(*sandbox.Gateway) payments.Gateway { return gateway })
	fake.Advance(p.env.Now().Sub(fake.Now()))
	return p, fake
}

// The customer is still at the bank when the order is cancelled. It fails when a void waits for the answer to an
// authorisation that has one (activities/void_payment.go).
func TestACancellationClosesTheBanksLinkAtOnce(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*stripefake.Server){
		"after an answer": func(*stripefake.Server) {},
		"after an answer that was lost first": func(s *stripefake.Server) {
			s.Inject(stripefake.Fault{Method: http.MethodPost, Path: "/v1/payment_intents", Effect: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, fake := atStripe(t)
			prepare(fake)
			begin := p.env.Now()
			cancelled := p.ask(10*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
			p.env.RegisterDelayedCallback(func() {
				require.Equal(t, payment.StatusActionRequired, p.payment(t).Status, "the customer is at the bank")
			}, 9*time.Minute)
			told := p.play(t, p.input(stripefake.Card3DS, item("A", 2, "10.00")))
			require.NoError(t, cancelled.err)
			require.Equal(t, order.StatusCancelled, told.Status)
			require.WithinDuration(t, begin.Add(10*time.Minute), p.env.Now(), 5*time.Second)
			pay := p.payment(t)
			require.Equal(t, payment.StatusVoided, pay.Status)
			require.False(t, fake.Confirm(pay.GatewayRef, true), "nobody can confirm it any more")
			account := fake.Account(pay.ID.String())
			require.Zero(t, account.Authorized)
			require.Zero(t, account.Captured)
		})
	}
}

// An authorisation without an answer may still come to be: only then Stripe's time for a request is waited out.
func TestACancellationWaitsForAnAuthorizationWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	p, fake := atStripe(t)
	fake.Outage(true)
	begin := p.env.Now()
	p.env.RegisterDelayedCallback(func() { fake.Outage(false) }, time.Minute+time.Second)
	p.at(time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	told := p.play(t, p.input(stripefake.Card3DS, item("A", 2, "10.00")))
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Less(t, p.env.Now().Sub(begin), 10*time.Minute)
	require.Equal(t, payment.StatusVoided, p.payment(t).Status)
	require.Zero(t, fake.Account(p.payment(t).ID.String()).Authorized)
}

// Whoever asks for a refund while Stripe is away is told its id, and that its amount is reserved.
func TestARefundDuringAnOutageIsToldAtOnceAndMadeOnce(t *testing.T) {
	t.Parallel()
	p, fake := atStripe(t)
	p.deliver(hour, "berlin")
	p.play(t, p.input(stripefake.CardVisa, item("A", 3, "10.00")))
	fake.Outage(true)
	env := newEnvironment()
	now := p.env.Now()
	p.env, p.faults = env, &faults{seen: map[string]bool{}, at: -1}
	p.register(p.asked, noReview)
	env.SetStartTime(now)
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(workflows.QueryRefund)
		require.NoError(t, err)
		var told workflows.RefundResult
		require.NoError(t, value.Get(&told))
		require.Equal(t, refundID, told.Refund.RefundID)
		require.Equal(t, payment.RefundStatusRequested, told.Refund.Status)
		fake.Outage(false)
	}, time.Minute)
	env.ExecuteWorkflow(workflows.RefundSaga, refundInput(refundID, "12.00")(p))
	require.NoError(t, env.GetWorkflowError())
	var out workflows.RefundResult
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, payment.RefundStatusPaid, out.Refund.Status)
	require.Equal(t, "12.00", p.payment(t).Refunded.Text())
	require.EqualValues(t, 1200, fake.Account(p.payment(t).ID.String()).Refunded)
}
