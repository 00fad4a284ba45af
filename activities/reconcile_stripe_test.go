package activities_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// dashboardOrder is an order whose payment is at a Stripe of its own.
type dashboardOrder struct {
	*testOrder
	fake *stripefake.Server
}

func (b *testBundle) dashboardOrder(t *testing.T, o stripefake.Options) *dashboardOrder {
	o.Key, o.APIVersion = "sk_test_1", stripe.APIVersion
	fake := stripefake.Start(o)
	t.Cleanup(fake.Close)
	gateway, err := stripe.New(stripe.Options{Key: o.Key, ReturnURL: "https://shop.example/orders/{order_id}", URL: fake.URL, Now: fake.Now})
	require.NoError(t, err)
	return &dashboardOrder{b.order(t, func(options *activities.Options) {
		options.Gateway, options.Log, options.Capabilities = gateway, b.store, stripe.Provider.Capabilities
	}), fake}
}

// confirmed is an order of 60.00 that is authorised and confirmed, by the clock of its Stripe.
func (o *dashboardOrder) confirmed() *dashboardOrder {
	o.place()
	in := o.authorizeInput(stripefake.CardVisa)
	in.At, in.Since, in.Keep = o.fake.Now(), o.fake.Now(), true
	_, err := run(o.testOrder, o.AuthorizePayment, in)
	require.NoError(o.t, err)
	_, err = run(o.testOrder, o.ConfirmOrder, activities.ConfirmOrder{OrderID: o.id, Allocations: o.allocation, At: o.fake.Now()})
	require.NoError(o.t, err)
	return o
}

func (o *dashboardOrder) intent() string { return o.paymentState().GatewayRef }

// ship captures and dispatches a shipment, as the order's saga does.
func (o *dashboardOrder) ship(location string) error {
	in := o.dispatchInput(location)
	in.At = o.fake.Now()
	return o.dispatch(in)
}

func (o *dashboardOrder) report() activities.GatewayEventsRecorded {
	out, err := run(o.as("report-"+uuid.NewString()), o.RecordGatewayEvent, activities.RecordGatewayEvent{PaymentID: payment.ID(o.id), At: o.fake.Now()})
	require.NoError(o.t, err)
	return out
}

func (o *dashboardOrder) reconcile() activities.Reconciled {
	in := activities.ReconcilePayments{From: o.fake.Now().Add(-24 * time.Hour), To: o.fake.Now().Add(time.Second), OrderID: o.id}
	out, err := run(o.as("reconcile-"+uuid.NewString()), o.ReconcilePayments, in)
	require.NoError(o.t, err)
	return out
}

// requireAgreement holds the books against Stripe's own.
func (o *dashboardOrder) requireAgreement(held, captured, refunded string) {
	o.t.Helper()
	account, p := o.fake.Account(payment.ID(o.id).String()), o.paymentState()
	require.Equal(o.t, []string{held, captured, refunded}, []string{p.Held().Text(), p.Captured.Text(), p.Refunded.Text()}, "the books")
	require.Equal(o.t, []int64{eur(held).MinorUnits(), eur(captured).MinorUnits(), eur(refunded).MinorUnits()},
		[]int64{account.Held, account.Captured, account.Refunded}, "the gateway")
}

// A person captures or voids in Stripe's dashboard. Whether the webhook tells of it, the reconciliation, or the next
// dispatch alone, the books agree with Stripe and nobody is charged twice.
func TestWhatPeopleDoInStripesDashboardIsBookedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ways := map[string]func(*dashboardOrder){
		"the webhook":        func(o *dashboardOrder) { require.NotZero(o.t, o.report().Recorded) },
		"the reconciliation": func(o *dashboardOrder) { require.NotZero(o.t, o.reconcile().Adopted) },
		"both, twice": func(o *dashboardOrder) {
			o.report()
			o.reconcile()
			o.report()
			require.Zero(o.t, o.reconcile().Adopted)
		},
	}
	for name, tell := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, options := range []stripefake.Options{{}, {NoMulticapture: true}} {
				o := b.dashboardOrder(t, options).confirmed()
				require.True(t, o.fake.CaptureElsewhere(o.intent(), 25_00))
				tell(o)
				require.NoError(t, o.ship("berlin")) // 20.00
				o.requireAgreement("0.00", "25.00", "0.00")
				require.True(t, o.paymentState().Lapsed, "Stripe has released the rest")
				requireRefused(t, payment.CodeAuthorizationExpired, o.ship("reno"))
				in := o.authorizeInput(stripefake.CardVisa)
				in.Amount, in.At, in.Keep = eur("40.00"), o.fake.Now(), true
				_, err := run(o.testOrder, o.AuthorizePayment, in)
				require.NoError(t, err)
				o.requireAgreement("35.00", "25.00", "0.00")
				require.NoError(t, o.ship("reno")) // 40.00
				o.requireAgreement("0.00", "60.00", "0.00")
				require.Zero(t, o.reconcile().Differences)
			}
		})
	}
	t.Run("the next dispatch alone", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
		require.True(t, o.fake.CaptureElsewhere(o.intent(), 25_00))
		requireRefused(t, payment.CodeAuthorizationExpired, o.ship("reno"))
		o.requireAgreement("0.00", "25.00", "0.00")
		in := o.authorizeInput(stripefake.CardVisa)
		in.At, in.Keep = o.fake.Now(), true
		_, err := run(o.testOrder, o.AuthorizePayment, in)
		require.NoError(t, err)
		o.requireAgreement("35.00", "25.00", "0.00")
		require.NoError(t, o.ship("reno"))
		require.NoError(t, o.ship("berlin"))
		o.requireAgreement("0.00", "60.00", "0.00")
		require.Empty(t, o.paymentState().CaptureFailures)
	})
	t.Run("all of it", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
		require.True(t, o.fake.CaptureElsewhere(o.intent(), 60_00))
		require.NoError(t, o.ship("berlin"), "Stripe has taken enough")
		o.report()
		require.NoError(t, o.ship("reno"))
		o.requireAgreement("0.00", "60.00", "0.00")
		require.True(t, o.paymentState().Unapplied().IsZero())
	})
	t.Run("a void", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
		require.True(t, o.fake.CancelElsewhere(o.intent()))
		o.report()
		o.requireAgreement("0.00", "0.00", "0.00")
		require.Contains(t, o.stored(), "AuthorizationEnded")
	})
	t.Run("an authorisation that ran out", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
		o.fake.Advance(8 * 24 * time.Hour)
		o.report()
		o.requireAgreement("0.00", "0.00", "0.00")
		require.True(t, o.paymentState().Lapsed)
	})
	t.Run("an order that is cancelled", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
		require.True(t, o.fake.CaptureElsewhere(o.intent(), 25_00))
		o.report()
		cancelled, err := run(o.testOrder, o.CancelOrder, activities.CancelOrder{OrderID: o.id, Reason: "changed_mind", By: order.ByCustomer, At: o.fake.Now()})
		require.NoError(t, err)
		require.NoError(t, o.void())
		for _, id := range cancelled.Refunds {
			_, err := run(o.testOrder, o.RefundPayment, activities.RefundPayment{OrderID: o.id, RefundID: id, At: o.fake.Now()})
			require.NoError(t, err)
		}
		o.requireAgreement("0.00", "25.00", "25.00")
	})
	t.Run("an order that is cancelled before anybody knows", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
		require.True(t, o.fake.CaptureElsewhere(o.intent(), 25_00))
		_, err := run(o.testOrder, o.CancelOrder, activities.CancelOrder{OrderID: o.id, Reason: "changed_mind", By: order.ByCustomer, At: o.fake.Now()})
		require.NoError(t, err)
		require.NoError(t, o.void())
		o.report()
		out := o.reconcile()
		require.Zero(t, out.Differences, "%+v", out)
		account := o.fake.Account(payment.ID(o.id).String())
		require.Equal(t, account.Captured, account.Refunded, "the customer has all of it back")
		require.True(t, o.paymentState().Captured.IsZero(), "what a void gives back was never captured")
	})
}

func TestMoneyThatStripeHoldsAfterThePaymentWasClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late := func(t *testing.T) *dashboardOrder {
		o := b.dashboardOrder(t, stripefake.Options{})
		o.place()
		require.NoError(t, o.void()) // the authorisation is still on its way
		require.Equal(t, payment.StatusVoided, o.paymentState().Status)
		_, err := stripeOf(t, o).Authorize(t.Context(), payments.AuthorizeRequest{
			IdempotencyKey: "another key", AskedAt: o.fake.Now(), At: o.fake.Now(), PaymentID: payment.ID(o.id), OrderID: o.id,
			Amount: total, Token: stripefake.CardVisa,
		})
		require.NoError(t, err)
		return o
	}
	t.Run("is let go, and both is recorded", func(t *testing.T) {
		t.Parallel()
		o := late(t)
		for range 2 {
			o.report()
			o.requireAgreement("0.00", "0.00", "0.00")
		}
		stored := o.stored()
		require.Contains(t, stored, "PaymentAuthorizedLate")
	})
	t.Run("is let go later when Stripe does not do it at once", func(t *testing.T) {
		t.Parallel()
		o := late(t)
		o.fake.Inject(stripefake.Fault{Method: "POST", Path: "/v1/payment_intents/*/cancel", Status: 500})
		_, err := run(o.as("report-x"), o.RecordGatewayEvent, activities.RecordGatewayEvent{PaymentID: payment.ID(o.id), At: o.fake.Now()})
		requireRetryable(t, err)
		o.report()
		o.requireAgreement("0.00", "0.00", "0.00")
	})
}

// Stripe says no to each cancellation until a person has mended what it says. It fails when the refusal is taken for no
// answer, so that the step is tried for ever and nobody sees the hold (payments/stripe/void.go, cancel).
func TestAVoidThatStripeRefusesWaitsForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refuse := func(o *dashboardOrder) {
		o.fake.Inject(stripefake.Fault{Method: "POST", Path: "/v1/payment_intents/*/cancel", Status: 400, Times: 100})
	}
	for name, closed := range map[string]func(*testing.T) *dashboardOrder{
		"of a cancelled order": func(t *testing.T) *dashboardOrder {
			o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
			refuse(o)
			require.NoError(t, o.cancel())
			require.NoError(t, o.void())
			return o
		},
		"of money that came after the order was cancelled": func(t *testing.T) *dashboardOrder {
			o := b.dashboardOrder(t, stripefake.Options{})
			o.place()
			require.NoError(t, o.cancel())
			require.NoError(t, o.void())
			_, err := stripeOf(t, o).Authorize(t.Context(), payments.AuthorizeRequest{
				IdempotencyKey: "another key", AskedAt: o.fake.Now(), At: o.fake.Now(), PaymentID: payment.ID(o.id), OrderID: o.id,
				Amount: total, Token: stripefake.CardVisa,
			})
			require.NoError(t, err)
			refuse(o)
			require.NotZero(t, o.report().Recorded)
			return o
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := closed(t)
			for range 2 {
				o.requireAgreement("60.00", "0.00", "0.00")
				p := o.paymentState()
				require.NotNil(t, p.VoidFailure)
				require.Contains(t, p.VoidFailure.Cause, "Stripe refuses to cancel")
				require.Equal(t, "60.00", p.VoidFailure.Amount.Text())
				items := attention.Of(o.orderState(), p)
				require.Len(t, items, 1)
				require.Equal(t, attention.CauseVoidFailed, items[0].Cause)
				require.Equal(t, []attention.Action{attention.ActionRetry, attention.ActionResolve}, items[0].Actions)
				require.True(t, attention.MoneyHeld(o.orderState(), p), "the order is not finished")
				o.report()
				require.Zero(t, o.reconcile().Differences)
			}
			o.fake.Relent()
			out, err := run(o.as("retry-"+uuid.NewString()), o.RetryVoid, activities.VoidPayment{OrderID: o.id, Reason: "retried", At: o.fake.Now().Add(time.Minute)})
			require.NoError(t, err)
			require.True(t, out.Settled)
			o.requireAgreement("0.00", "0.00", "0.00")
			require.Empty(t, attention.Of(o.orderState(), o.paymentState()))
			require.False(t, attention.MoneyHeld(o.orderState(), o.paymentState()))
		})
	}
}

func stripeOf(t *testing.T, o *dashboardOrder) *stripe.Gateway {
	gateway, err := stripe.New(stripe.Options{Key: "sk_test_1", ReturnURL: "https://shop.example/orders/{order_id}", URL: o.fake.URL, Now: o.fake.Now})
	require.NoError(t, err)
	return gateway
}
