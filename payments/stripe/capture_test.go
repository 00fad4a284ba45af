package stripe

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

var gatewayRefused = domain.Refuse("gateway_refused", "")

func TestShipmentsAreCapturedOneByOne(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	for i, p := range []struct {
		shipment, amount, left string
		held, captured         int64
	}{{"1", "40.00", "100.00", 6000, 4000}, {"2", "25.50", "60.00", 3450, 6550}, {"3", "34.50", "34.50", 0, 10000}} {
		for range 2 { // the second time does nothing
			charge, err := b.capture(ref, p.shipment, p.amount, p.left)
			require.NoError(t, err, i)
			require.NotEmpty(t, charge)
			b.holds(p.held, p.captured, 0)
		}
	}
}

func TestWithoutMulticaptureTheFirstShipmentTakesTheWhole(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]stripefake.Options{
		stripefake.CardOnceOnly: {}, stripefake.CardBreaksPromise: {}, stripefake.CardVisa: {NoMulticapture: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, o)
			ref := b.mustAuthorize(name)
			for range 2 {
				_, err := b.capture(ref, "1", "40.00", "100.00")
				require.NoError(t, err)
				b.holds(0, 10000, 0)
			}
			_, err := b.capture(ref, "2", "60.00", "60.00")
			require.NoError(t, err, "it is paid out of what was taken")
			b.holds(0, 10000, 0)
			_, err = b.capture(ref, "3", "0.01", "0.00")
			require.ErrorIs(t, err, gatewayRefused)
		})
	}
}

func TestNeverMoreIsCapturedThanWasAuthorized(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	for _, wrong := range [][2]string{{"100.01", "100.00"}, {"100.01", "100.01"}, {"50.00", "40.00"}, {"200.00", "200.00"}, {"0.00", "100.00"}} {
		_, err := b.capture(ref, "1", wrong[0], wrong[1])
		require.ErrorIs(t, err, gatewayRefused, wrong)
	}
	b.holds(10000, 0, 0)
	// A caller that has forgotten a capture can't take it twice either.
	_, err := b.capture(ref, "1", "80.00", "100.00")
	require.NoError(t, err)
	_, err = b.capture(ref, "2", "80.00", "100.00")
	require.ErrorIs(t, err, gatewayRefused)
	b.holds(2000, 8000, 0)
}

// The answer to the first capture never came, so the caller does not know that what was taken is spoken for.
func TestWhatAnotherCaptureHasTakenPaysForNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "80.00", "100.00")
	require.NoError(t, err)
	require.True(t, b.fake.CancelElsewhere(ref))
	_, err = b.capture(ref, "2", "20.00", "100.00")
	require.ErrorIs(t, err, gatewayRefused)
	_, err = b.capture(ref, "1", "80.00", "100.00")
	require.NoError(t, err, "its own mark is there")
	b.holds(0, 8000, 0)
}

func TestAnAmbiguousCaptureNeverTakesTwice(t *testing.T) {
	t.Parallel()
	for name, fault := range faults(capturePath) {
		for _, o := range []stripefake.Options{{}, {NoMulticapture: true}} {
			for waits, patience := range map[string]time.Duration{"soon": time.Second, "for days": 5 * 24 * time.Hour} {
				t.Run(name+", asked again "+waits, func(t *testing.T) {
					t.Parallel()
					b := setup(t, o)
					ref := b.mustAuthorize(stripefake.CardVisa)
					for i, amount := range [][2]string{{"40.00", "100.00"}, {"60.00", "60.00"}} {
						b.fake.Inject(fault)
						untilAnswered(b, patience, func() (string, error) { return b.capture(ref, amount[1], amount[0], amount[1]) })
						if i == 0 && !o.NoMulticapture {
							b.holds(6000, 4000, 0)
						}
					}
					b.holds(0, 10000, 0)
				})
			}
		}
	}
}

func TestACaptureOfWhatIsHeldNoMoreIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(8 * 24 * time.Hour)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.ErrorIs(t, err, gatewayRefused)

	b = setup(t, stripefake.Options{})
	ref = b.mustAuthorize(stripefake.CardVisa)
	_, err = b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	b.fake.Advance(8 * 24 * time.Hour)
	_, err = b.capture(ref, "2", "60.00", "60.00")
	require.ErrorIs(t, err, gatewayRefused, "the rest has run out")
	b.holds(0, 4000, 0)

	_, err = b.gateway.Capture(t.Context(), payments.CaptureRequest{GatewayRef: "pi_unknown", Amount: eur("1.00"), Capturable: eur("1.00")})
	require.ErrorIs(t, err, gatewayRefused)
}

func TestACaptureOutwaitsAnOutage(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Outage(true)
	_, err := b.capture(ref, "1", "100.00", "100.00")
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	b.fake.Outage(false)
	_, err = b.capture(ref, "1", "100.00", "100.00")
	require.NoError(t, err)
}

func TestAfterTheKeyHasExpiredACaptureIsLookedUpFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	fault := post(capturePath)
	fault.Effect = true
	b.fake.Inject(fault)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	b.fake.Advance(25 * time.Hour)
	_, err = b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	b.holds(6000, 4000, 0)
}

// Stripe keeps 50 names of metadata, of which two are ids. The last capture for which there is room takes the rest, and
// the shipments after it are paid out of that. Nothing of it was captured elsewhere. A void gives back what is left.
func TestMoreShipmentsThanStripeKeepsMarksFor(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	const shipments = 60
	left := eur("100.00")
	share := eur("1.50")
	for n := range shipments {
		for range 2 { // the second time does nothing
			_, err := b.capture(ref, strconv.Itoa(n), share.Text(), left.Text())
			require.NoError(t, err, n)
		}
		if n == 45 {
			b.holds(3100, 6900, 0)
		}
		left = left.Sub(share)
	}
	b.holds(0, 10_000, 0)
	entry, err := b.gateway.Find(t.Context(), payments.FindRequest{PaymentID: b.paymentID, GatewayRef: ref})
	require.NoError(t, err)
	require.True(t, entry.TakenAtOnce)
	captures := 0
	for _, e := range entry.Events {
		if e.Kind == payments.EventCaptured {
			require.False(t, e.Elsewhere())
			captures++
		}
	}
	require.Equal(t, 47, captures)

	require.NoError(t, b.gateway.Void(t.Context(), payments.VoidRequest{
		IdempotencyKey: "void", AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Captured: share.Times(shipments),
	}))
	b.holds(0, 10_000, 1_000)
}

func TestTheFakeKeepsAsManyNamesAsStripe(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	for n := range 48 {
		f := b.gateway.capture(t.Context(), ref, fmt.Sprintf("key-%d", n), capturePlan{amount: 100, asked: 100, mark: markOf(strconv.Itoa(n)), key: "k"})
		require.Equal(t, n == 47, f != nil, "%d: %v", n, f)
	}
}

// Stripe repeats for a day what it has failed with, or refuses the key where the order has changed meanwhile.
func TestAFailureThatStripeKeepsHoldsNoCapture(t *testing.T) {
	t.Parallel()
	for name, amount := range map[string]string{"of the same amount": "40.00", "of another amount": "30.00"} {
		for how, effect := range map[string]bool{"without an effect": false, "after its effect": true} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				b := setup(t, stripefake.Options{})
				ref := b.mustAuthorize(stripefake.CardVisa)
				b.fake.Inject(stripefake.Fault{Method: "POST", Path: capturePath, Status: 500, Kept: true, Effect: effect})
				_, err := b.capture(ref, "1", "40.00", "100.00")
				taken := int64(4_000)
				if !effect {
					require.ErrorIs(t, err, payments.ErrNoAnswer)
					taken = eur(amount).MinorUnits()
				}
				untilAnswered(b, 10*time.Minute, func() (string, error) { return b.capture(ref, "1", amount, "100.00") })
				b.holds(10_000-taken, taken, 0)
				for _, wait := range []time.Duration{time.Minute, 25 * time.Hour} {
					b.fake.Advance(wait)
					_, err = b.capture(ref, "1", amount, "100.00")
					require.NoError(t, err)
				}
				b.holds(10_000-taken, taken, 0)
			})
		}
	}
}

func TestAKeyThatIsTakenIsNotReplacedWhileItsRequestMayBeUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Inject(stripefake.Fault{Method: "POST", Path: capturePath, Status: 500, Kept: true})
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	_, err = b.capture(ref, "1", "30.00", "100.00")
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	b.holds(10_000, 0, 0)
}
