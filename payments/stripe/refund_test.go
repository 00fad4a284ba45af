package stripe

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// mustCapture returns the reference of 100 EUR that were taken.
func (b *testBundle) mustCapture() string {
	b.Helper()
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "100.00", "100.00")
	require.NoError(b, err)
	return ref
}

func TestRefundsAreSeveralAndNeverMoreThanWasTaken(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustCapture()
	for _, id := range []string{"1", "2"} { // of the same amount, each once
		for range 2 {
			_, err := b.refund(ref, id, "30.00")
			require.NoError(t, err)
		}
	}
	b.holds(0, 10000, 6000)
	_, err := b.refund(ref, "3", "40.01")
	require.ErrorIs(t, err, gatewayRefused)
	_, err = b.refund(ref, "4", "40.00")
	require.NoError(t, err)
	_, err = b.refund(ref, "5", "0.01")
	require.ErrorIs(t, err, gatewayRefused)
	b.holds(0, 10000, 10000)
}

func TestARefundTellsStripeNoReason(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	_, err := b.refund(b.mustCapture(), "1", "30.00")
	require.NoError(t, err)
	calls := b.fake.Calls()
	for name, values := range calls[len(calls)-1].Form {
		require.NotContains(t, name+values[0], "Sample")
	}
}

func TestAnAmbiguousRefundGivesBackOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range faults(refundPath) {
		for waits, patience := range map[string]time.Duration{"soon": time.Second, "for days": 5 * 24 * time.Hour} {
			t.Run(name+", asked again "+waits, func(t *testing.T) {
				t.Parallel()
				b := setup(t, stripefake.Options{})
				ref := b.mustCapture()
				_, err := b.refund(ref, "0", "30.00") // of the same amount
				require.NoError(t, err)
				b.fake.Inject(fault)
				untilAnswered(b, patience, func() (string, error) { return b.refund(ref, "1", "30.00") })
				b.holds(0, 10000, 6000)
			})
		}
	}
}

func TestARefundThatFailedIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustCapture()
	id, err := b.refund(ref, "1", "30.00")
	require.NoError(t, err)
	b.fake.FailRefund(id)
	b.fake.Advance(25 * time.Hour)
	_, err = b.refund(ref, "1", "30.00")
	require.ErrorIs(t, err, gatewayRefused)
	b.holds(0, 10000, 0)
}

func TestARefundFromAnEmptyAccountIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustCapture()
	fault := post(refundPath)
	fault.Status, fault.Code = 400, "balance_insufficient"
	b.fake.Inject(fault)
	_, err := b.refund(ref, "1", "30.00")
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	_, err = b.refund(ref, "1", "30.00")
	require.NoError(t, err)
}

func TestARefundInAnotherCurrencyIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	_, err := b.gateway.Refund(t.Context(), payments.RefundRequest{
		IdempotencyKey: "k", AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: b.mustCapture(), Amount: money.Must("1.00", "USD"),
	})
	require.ErrorIs(t, err, gatewayRefused)
}

func TestARefundFindsTheAuthorizationThatCaptured(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	_, err := b.capture(b.mustAuthorize(stripefake.CardVisa), "1", "70.00", "100.00")
	require.NoError(t, err)
	b.fake.Advance(8 * 24 * time.Hour)
	b.generation, b.askedAt = "2", b.fake.Now()
	second, err := b.authorizeAmount(stripefake.CardVisa, eur("30.00"))
	require.NoError(t, err)
	_, err = b.capture(second.GatewayRef, "2", "30.00", "30.00")
	require.NoError(t, err)
	for range 2 {
		_, err = b.refund(second.GatewayRef, "1", "60.00")
		require.NoError(t, err)
		b.holds(0, 10000, 6000)
	}
	_, err = b.refund(second.GatewayRef, "2", "40.00")
	require.ErrorIs(t, err, gatewayRefused, "no single authorisation has so much left")
}

// Stripe repeats for a day what it has failed with. Nobody waits for that.
func TestAFailureThatStripeKeepsHoldsNoRefund(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]stripefake.Fault{
		"of Stripe's":         {Method: "POST", Path: refundPath, Status: 500, Kept: true, Times: 2},
		"of an empty account": {Method: "POST", Path: refundPath, Status: 400, Code: "balance_insufficient", Kept: true},
		"after its effect":    {Method: "POST", Path: refundPath, Status: 500, Kept: true, Effect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			ref := b.mustCapture()
			b.fake.Inject(fault)
			first := untilAnswered(b, 10*time.Minute, func() (string, error) { return b.refund(ref, "1", "30.00") })
			for _, wait := range []time.Duration{time.Minute, 25 * time.Hour} { // while Stripe knows the keys, and afterwards
				b.fake.Advance(wait)
				again, err := b.refund(ref, "1", "30.00")
				require.NoError(t, err)
				require.Equal(t, first, again)
			}
			b.holds(0, 10_000, 3_000)
		})
	}
}
