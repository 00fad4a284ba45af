package stripe

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
	api "github.com/stripe/stripe-go/v85"
)

// bothReleases are an account where the release of an authorisation's rest is a refund, and one where it is none.
var bothReleases = map[string]stripefake.Options{"a release is no refund": {}, "a release looks like a refund": {ReleaseIsRefund: true}}

// Stripe has shown the rest that a last capture leaves as a refund. The customer never paid it.
func TestWhatACaptureLetsGoIsNoRefund(t *testing.T) {
	t.Parallel()
	for name, o := range bothReleases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, o)
			ref := b.mustAuthorize(stripefake.CardVisa)
			require.True(t, b.fake.CaptureElsewhere(ref, 6_000), "which releases the other 40.00")
			entry := b.find()
			require.ElementsMatch(t, []string{"authorized 100.00", "captured 60.00", "voided 40.00"}, told(entry.Events))
			require.Equal(t, []string{"60.00", "0.00"}, []string{entry.Balance.Captured.Text(), entry.Balance.Refunded.Text()})

			_, err := b.refund(ref, "1", "60.00")
			require.NoError(t, err, "the whole of what was captured can be given back")
			b.holds(0, 6_000, 6_000)
			_, err = b.refund(ref, "2", "0.01")
			require.ErrorIs(t, err, gatewayRefused)
			entry = b.find()
			require.Equal(t, []string{"60.00", "60.00"}, []string{entry.Balance.Captured.Text(), entry.Balance.Refunded.Text()})
		})
	}
}

// A person refunds as much as was released before.
func TestARefundOfAsMuchAsWasLetGoIsARefund(t *testing.T) {
	t.Parallel()
	for name, o := range bothReleases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, o)
			ref := b.mustAuthorize(stripefake.CardVisa)
			require.True(t, b.fake.CaptureElsewhere(ref, 6_000))
			b.fake.Advance(time.Hour)
			id := b.fake.RefundElsewhere(ref, 4_000)
			entry := b.find()
			require.Contains(t, told(entry.Events), "refunded 40.00")
			for _, e := range entry.Events {
				if e.Kind == payments.EventRefunded {
					require.Equal(t, id, e.Ref, "of the refund, not of the release")
				}
			}
			require.Equal(t, "40.00", entry.Balance.Refunded.Text())
			_, err := b.refund(ref, "1", "20.01")
			require.ErrorIs(t, err, gatewayRefused)
			_, err = b.refund(ref, "1", "20.00")
			require.NoError(t, err)
		})
	}
}

func TestAVoidedAuthorizationHasNoRefund(t *testing.T) {
	t.Parallel()
	for name, o := range bothReleases {
		for how, end := range map[string]func(*testBundle, string){
			"by us":        func(b *testBundle, ref string) { require.NoError(b, b.void(ref, money.Zero("EUR"))) },
			"in the shop":  func(b *testBundle, ref string) { require.True(b, b.fake.CancelElsewhere(ref)) },
			"it ran out":   func(b *testBundle, _ string) { b.fake.Advance(8 * 24 * time.Hour) },
			"after a part": func(b *testBundle, ref string) { b.captureAndVoid(ref) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				b := setup(t, o)
				end(b, b.mustAuthorize(stripefake.CardVisa))
				entry := b.find()
				require.True(t, entry.Balance.Refunded.IsZero(), entry.Balance)
				for _, e := range entry.Events {
					require.NotEqual(t, payments.EventRefunded, e.Kind)
				}
			})
		}
	}
}

func (b *testBundle) captureAndVoid(ref string) {
	_, err := b.capture(ref, "1", "30.00", "100.00")
	require.NoError(b, err)
	require.NoError(b, b.void(ref, eur("30.00")))
}

// What a single capture took beyond what was asked for goes back once.
func TestAVoidGivesBackWhatWasTakenAtOnceWhateverAReleaseLooksLike(t *testing.T) {
	t.Parallel()
	for name, o := range bothReleases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.NoMulticapture = true
			b := setup(t, o)
			ref := b.mustAuthorize(stripefake.CardVisa)
			_, err := b.capture(ref, "1", "30.00", "100.00")
			require.NoError(t, err)
			for range 2 {
				require.NoError(t, b.void(ref, eur("30.00")))
				b.holds(0, 10_000, 7_000)
			}
			entry := b.find()
			require.Equal(t, []string{"30.00", "0.00"}, []string{entry.Balance.Captured.Text(), entry.Balance.Refunded.Text()})
		})
	}
}

func TestAReleaseIsToldFromARefund(t *testing.T) {
	t.Parallel()
	closed := &api.PaymentIntent{Amount: 100, AmountReceived: 60, Status: api.PaymentIntentStatusSucceeded}
	release := &api.Refund{Amount: 40, Status: api.RefundStatusSucceeded}
	for name, c := range map[string]struct {
		pi     *api.PaymentIntent
		refund api.Refund
		is     bool
	}{
		"the rest":                    {closed, *release, true},
		"the rest, which ran out":     {closed, api.Refund{Amount: 40, Status: release.Status, Reason: api.RefundReasonExpiredUncapturedCharge}, true},
		"another amount":              {closed, api.Refund{Amount: 39, Status: release.Status}, false},
		"a person's reason":           {closed, api.Refund{Amount: 40, Status: release.Status, Reason: api.RefundReasonDuplicate}, false},
		"a request of ours":           {closed, api.Refund{Amount: 40, Status: release.Status, Metadata: map[string]string{metaRequest: "k"}}, false},
		"one that the bank refused":   {closed, api.Refund{Amount: 40, Status: api.RefundStatusFailed}, false},
		"one that the bank has still": {closed, api.Refund{Amount: 40, Status: api.RefundStatusPending}, false},
		"money that the bank was told to give back": {closed, api.Refund{Amount: 40, Status: release.Status, DestinationDetails: &api.RefundDestinationDetails{
			Card: &api.RefundDestinationDetailsCard{Type: api.RefundDestinationDetailsCardTypeRefund},
		}}, false},
		"while the rest is held": {&api.PaymentIntent{Amount: 100, AmountReceived: 60, Status: api.PaymentIntentStatusRequiresCapture}, *release, false},
		"without a rest":         {&api.PaymentIntent{Amount: 100, AmountReceived: 100, Status: api.PaymentIntentStatusSucceeded}, *release, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.is, releaseAmong(c.pi, []*api.Refund{&c.refund}) != nil)
		})
	}
	later := &api.Refund{Amount: 40, Status: api.RefundStatusSucceeded}
	require.Same(t, release, releaseAmong(closed, []*api.Refund{later, release}), "of two it is the first, which Stripe lists last")
}

func TestAReportOfAnAuthorizationThatWasLetGoTellsOfNoRefund(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{ReleaseIsRefund: true})
	require.True(t, b.fake.CancelElsewhere(b.mustAuthorize(stripefake.CardVisa)))
	require.Equal(t, payments.EventVoided, b.news("charge.refunded")[0].Kind)

	b = setup(t, stripefake.Options{ReleaseIsRefund: true})
	require.True(t, b.fake.CaptureElsewhere(b.mustAuthorize(stripefake.CardVisa), 1_000))
	require.Equal(t, "10.00", b.news("charge.refunded")[0].Amount.Text(), "never more than was captured")
}
