package activities_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// stripeOrder is an order that is paid at a fake of Stripe.
type stripeOrder struct {
	*testOrder
	stripe payments.Gateway
	fake   *stripefake.Server
}

// atStripe is a confirmed order that was authorised at a fake of Stripe.
func (b *testBundle) atStripe(t *testing.T, o stripefake.Options) *stripeOrder {
	t.Helper()
	o.Key = "sk_test_key"
	fake := stripefake.Start(o)
	t.Cleanup(fake.Close)
	fake.Advance(at.Sub(fake.Now()))
	gateway, err := stripe.New(stripe.Options{Key: o.Key, ReturnURL: "https://shop.example/{order_id}", URL: fake.URL, Now: fake.Now})
	require.NoError(t, err)
	s := &stripeOrder{stripe: gateway, fake: fake}
	s.testOrder = b.order(t, func(options *activities.Options) {
		options.Gateway, options.Capabilities = gateway, stripe.Provider.Capabilities
	})
	s.place()
	answer, err := run(s.testOrder, s.AuthorizePayment, s.authorizeInput(stripefake.CardVisa))
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, answer.Status)
	_, err = run(s.testOrder, s.ConfirmOrder, activities.ConfirmOrder{OrderID: s.id, Allocations: s.allocation, At: at})
	require.NoError(t, err)
	return s
}

// requireAgreed asserts that Stripe has captured and refunded this much, and that the books say so.
func (s *stripeOrder) requireAgreed(captured, refunded string) {
	s.t.Helper()
	p := s.paymentState()
	entry, err := s.stripe.Find(s.t.Context(), payments.FindRequest{PaymentID: p.ID, GatewayRef: p.GatewayRef})
	require.NoError(s.t, err)
	require.Equal(s.t, refunded, entry.Balance.Refunded.Text(), "refunded at Stripe")
	require.Equal(s.t, refunded, p.Refunded.Text(), "refunded in the books")
	require.Equal(s.t, captured, p.Captured.Text(), "captured in the books")
	if !entry.TakenAtOnce {
		require.Equal(s.t, captured, entry.Balance.Captured.Text(), "captured at Stripe")
	}
}

// The card allows one capture: Stripe takes 60.00 with the first shipment, of which 20.00 are booked.
func TestTwoRefundsAtOnceGiveBackNoMoreThanIsBooked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.atStripe(t, stripefake.Options{NoMulticapture: true})
	require.NoError(t, s.dispatch(s.dispatchInput("berlin")))
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		other := s.as("refund-" + uuid.NewString())
		wg.Go(func() { _, errs[i] = other.refund(other.requestInput("15.00")) })
	}
	wg.Wait()
	if errs[0] != nil {
		errs[0], errs[1] = errs[1], errs[0]
	}
	require.NoError(t, errs[0])
	requireSecondRefused(t, errs[1])
	s.requireAgreed("20.00", "15.00")
	require.NoError(t, s.dispatch(s.dispatchInput("reno")))
	_, err := s.refund(s.requestInput("45.00"))
	require.NoError(t, err)
	s.requireAgreed("60.00", "60.00")
}

// A refund is asked for while Stripe is away, and again under another key by a program that has lost the first one. It
// fails when the second is asked for beside the first (domain/payment/refund_request.go, canRefund).
func TestARefundDuringAnOutageIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, lost := range map[string]bool{"Stripe never heard of it": false, "its answer is lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := b.atStripe(t, stripefake.Options{})
			for _, location := range []string{"berlin", "reno"} {
				require.NoError(t, s.dispatch(s.dispatchInput(location)))
			}
			if lost {
				s.fake.Inject(stripefake.Fault{Method: http.MethodPost, Path: "/v1/refunds", Effect: true})
			} else {
				s.fake.Outage(true)
			}
			first := s.requestInput("15.00")
			_, err := s.refund(first)
			requireRetryable(t, err)
			for _, amount := range []string{"15.00", "20.00"} {
				_, err = s.as("refund-" + uuid.NewString()).refund(s.requestInput(amount))
				requireRefused(t, payment.CodeRefundUnderWay, err)
			}
			s.fake.Outage(false)
			for range 2 {
				refund, err := s.refund(first)
				require.NoError(t, err)
				require.Equal(t, payment.RefundStatusPaid, refund.Status)
				s.requireAgreed("60.00", "15.00")
			}
			_, err = s.refund(s.requestInput("20.00"))
			require.NoError(t, err, "the first one has its answer")
			s.requireAgreed("60.00", "35.00")
		})
	}
}

// Something went back before, so that less can go back than the goods had cost. The fact is recorded all the same, and
// all that is left goes back.
func TestGoodsComeBackAfterARefund(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, options := range map[string]stripefake.Options{"several captures": {}, "one capture": {NoMulticapture: true}} {
		t.Run("all is returned, "+name, func(t *testing.T) {
			t.Parallel()
			s := b.atStripe(t, options)
			for _, location := range []string{"berlin", "reno"} {
				require.NoError(t, s.dispatch(s.dispatchInput(location)))
				_, err := run(s.testOrder, s.DeliverShipment, s.endInput(location))
				require.NoError(t, err)
			}
			_, err := s.refund(s.requestInput("10.00"))
			require.NoError(t, err)
			returned, err := run(s.testOrder, s.ReturnGoods, s.returnAll())
			require.NoError(t, err)
			require.Equal(t, "60.00", returned.Amount.Text())
			require.Equal(t, "50.00", returned.Refund.Amount.Text())
			later := s.refundInput(returned.Refund.RefundID, 0)
			s.fake.Advance(48 * time.Hour) // Stripe has forgotten its keys
			for range 2 {
				_, err = run(s.as("another-saga"), s.RefundPayment, later)
				require.NoError(t, err)
				s.requireAgreed("60.00", "60.00")
			}
		})
		t.Run("the last shipment is lost, "+name, func(t *testing.T) {
			t.Parallel()
			s := b.atStripe(t, options)
			s.cancelAll(s.b)
			require.NoError(t, s.dispatch(s.dispatchInput("berlin")))
			_, err := s.refund(s.requestInput("0.01"))
			require.NoError(t, err)
			lost, err := run(s.testOrder, s.LoseShipment, s.endInput("berlin"))
			require.NoError(t, err)
			require.Len(t, lost.Refunds, 1)
			_, err = run(s.testOrder, s.RefundPayment, s.refundInput(lost.Refunds[0], 0))
			require.NoError(t, err)
			s.requireAgreed("20.00", "20.00")
			require.NoError(t, s.void())
			s.requireAgreed("20.00", "20.00")
		})
	}
}
