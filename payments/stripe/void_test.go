package stripe

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

func TestAVoidLetsGo(t *testing.T) {
	t.Parallel()
	for name, fault := range faults(cancelPath) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			ref := b.mustAuthorize(stripefake.CardVisa)
			b.fake.Inject(fault)
			for range 3 {
				untilAnswered(b, time.Hour, func() (struct{}, error) { return struct{}{}, b.void(ref, money.Zero("EUR")) })
			}
			b.holds(0, 0, 0)
		})
	}
}

func TestAVoidOfAnythingThatHoldsNothingDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "100.00", "100.00")
	require.NoError(t, err)
	require.NoError(t, b.void(ref, eur("100.00")))
	b.holds(0, 10000, 0)

	b = setup(t, stripefake.Options{})
	require.NoError(t, b.voidUnanswered(), "a payment that Stripe never heard of")

	b = setup(t, stripefake.Options{})
	r, err := b.authorize(stripefake.CardDeclined)
	require.NoError(t, err)
	require.NoError(t, b.void(r.GatewayRef, money.Money{}))

	b = setup(t, stripefake.Options{})
	require.ErrorIs(t, b.void("pi_unknown", money.Money{}), domain.Refuse("gateway_refused", ""))
}

func TestAVoidClosesAConfirmationThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	r, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	require.NoError(t, b.void(r.GatewayRef, money.Money{}))
	require.False(t, b.fake.Confirm(r.GatewayRef, true), "nobody can confirm it any more")
}

func TestAVoidOfWhatWasNeverAnsweredFindsIt(t *testing.T) {
	t.Parallel()
	for name, lag := range map[string]time.Duration{"at once": 0, "before it can be searched": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{SearchLag: lag})
			fault := post(createPath)
			fault.Effect = true
			b.fake.Inject(fault)
			_, err := b.authorize(stripefake.CardVisa)
			require.ErrorIs(t, err, payments.ErrNoAnswer)
			b.holds(10000, 0, 0)

			require.NoError(t, b.voidUnanswered())
			b.holds(0, 0, 0)
			require.NoError(t, b.voidUnanswered(), "again")
		})
	}
}

func TestNothingIsAuthorizedBehindAVoid(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{
		"at once": 0, "after an hour": time.Hour, "after the key's life": 25 * time.Hour, "after days": 9 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{SearchLag: time.Minute})
			b.fake.Outage(true)
			_, err := b.authorize(stripefake.CardVisa)
			require.ErrorIs(t, err, payments.ErrNoAnswer)
			b.fake.Outage(false)
			require.NoError(t, b.voidUnanswered())

			b.fake.Advance(wait)
			r, err := b.authorize(stripefake.CardVisa) // an attempt that was on its way all the time
			require.NoError(t, err)
			require.Equal(t, payment.StatusDeclined, r.Status)
			require.Equal(t, "payment_cancelled", r.DeclineCode)
			require.Zero(t, b.fake.Account(b.paymentID.String()).Authorized)
		})
	}
}

func TestAVoidWaitsForAnAuthorizationThatIsUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	gate, done := make(chan struct{}), make(chan error, 1)
	fault := post(createPath)
	fault.Gate = gate
	b.fake.Inject(fault)
	go func() { _, err := b.authorize(stripefake.CardVisa); done <- err }()
	require.Eventually(t, func() bool { return len(b.fake.Calls()) == 1 }, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, b.voidUnanswered(), payments.ErrNoAnswer)
	close(gate)
	require.NoError(t, <-done)
	require.NoError(t, b.voidUnanswered())
	b.holds(0, 0, 0)
}

func TestAVoidEndsWhenTheKeyWasUsedUpByAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	fault := post(createPath)
	fault.Effect = true
	b.fake.Inject(fault)
	_, err := b.authorize("pm_unknown") // declined, but nobody knows
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	require.ErrorIs(t, b.voidUnanswered(), payments.ErrNoAnswer, "it could still be under way")
	b.fake.Advance(2 * time.Minute)
	require.NoError(t, b.voidUnanswered())
}

func TestAVoidOfALaterAuthorizationLeavesWhatWasCaptured(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	first := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(first, "1", "40.00", "100.00")
	require.NoError(t, err)
	b.fake.Advance(8 * 24 * time.Hour)
	b.generation, b.askedAt = "2", b.fake.Now()
	fault := post(createPath)
	fault.Effect = true
	b.fake.Inject(fault)
	_, err = b.authorizeAmount(stripefake.CardVisa, eur("60.00"))
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	b.holds(6000, 4000, 0)

	err = b.gateway.Void(t.Context(), payments.VoidRequest{
		IdempotencyKey: "v", AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: first, AuthorizeKey: b.authorizeKey(),
		Captured: eur("40.00"),
	})
	require.NoError(t, err)
	b.holds(0, 4000, 0)
}

func TestAVoidOfTheRestLeavesWhatWasCaptured(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	fault := post(capturePath)
	fault.Status = 500
	b.fake.Inject(fault) // then it is released by a cancellation
	for range 2 {
		require.NoError(t, b.void(ref, eur("40.00")))
		b.holds(0, 4000, 0)
	}
}

func TestAVoidGivesBackWhatWasTakenAndNotAskedFor(t *testing.T) {
	t.Parallel()
	for name, fault := range faults(refundPath) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{NoMulticapture: true})
			ref := b.mustAuthorize(stripefake.CardVisa)
			_, err := b.capture(ref, "1", "40.00", "100.00")
			require.NoError(t, err)
			b.holds(0, 10000, 0) // the whole, at the first shipment
			b.fake.Inject(fault)
			untilAnswered(b, 5*24*time.Hour, func() (struct{}, error) { return struct{}{}, b.void(ref, eur("40.00")) })
			require.NoError(t, b.void(ref, eur("40.00")))
			b.holds(0, 10000, 6000)
		})
	}
}

func TestAVoidGivesBackACaptureThatWasNeverAnswered(t *testing.T) {
	t.Parallel()
	for _, amount := range []string{"100.00", "40.00"} {
		t.Run(amount, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			ref := b.mustAuthorize(stripefake.CardVisa)
			fault := post(capturePath)
			fault.Effect = true
			b.fake.Inject(fault)
			_, err := b.capture(ref, "1", amount, "100.00")
			require.ErrorIs(t, err, payments.ErrNoAnswer)
			for range 2 {
				require.NoError(t, b.void(ref, money.Money{}))
				a := b.fake.Account(b.paymentID.String())
				require.Zero(t, a.Held)
				require.Equal(t, eur(amount).MinorUnits(), a.Captured)
				require.Equal(t, a.Captured, a.Refunded)
			}
		})
	}
}

func TestWhatWasTakenAtOnceIsNeitherAuthorizedNorPaidTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{NoMulticapture: true})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	require.NotEmpty(t, b.fake.RefundElsewhere(ref, 6000), "what went back elsewhere was taken all the same")
	b.fake.Advance(8 * 24 * time.Hour) // so that the stream believes the rest to have run out
	b.generation, b.askedAt = "2", b.fake.Now()
	r, err := b.gateway.Authorize(t.Context(), payments.AuthorizeRequest{
		IdempotencyKey: b.authorizeKey(), AskedAt: b.askedAt, PaymentID: b.paymentID, OrderID: b.orderID, Amount: eur("60.00"),
		Captured: eur("40.00"), Token: stripefake.CardVisa,
	})
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, r.Status)
	require.Equal(t, ref, r.GatewayRef)
	_, err = b.capture(ref, "2", "50.00", "60.00")
	require.NoError(t, err)
	b.holds(0, 10000, 6000)
	for range 2 {
		require.NoError(t, b.gateway.Void(t.Context(), payments.VoidRequest{
			IdempotencyKey: "v", AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Captured: eur("90.00"),
		}))
		b.holds(0, 10000, 7000)
	}
}

// The link to the bank is closed with the first request, whatever else has to be waited for.
func TestAPaymentThatWaitsForTheBankIsClosedAtOnce(t *testing.T) {
	t.Parallel()
	for name, unanswered := range map[string]bool{"all is answered": false, "another authorisation may be under way": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			waiting, err := b.authorize(stripefake.Card3DS)
			require.NoError(t, err)
			request := payments.VoidRequest{
				IdempotencyKey: b.paymentID.String() + "/void", AskedAt: b.fake.Now(), PaymentID: b.paymentID, GatewayRef: waiting.GatewayRef,
			}
			if unanswered {
				request.AuthorizeKey = b.authorizeKey()
			}
			err = b.gateway.Void(t.Context(), request)
			require.Equal(t, unanswered, err != nil, err)
			require.False(t, b.fake.Confirm(waiting.GatewayRef, true), "the link can't be used any more")
			b.holds(0, 0, 0)
		})
	}
}

func TestWhatAPersonHasCapturedInAnotherStepCountsInFull(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	kwd := func(s string) money.Money { return money.Must(s, "KWD") }
	r, err := b.authorizeAmount(stripefake.CardVisa, kwd("10.000"))
	require.NoError(t, err)
	require.True(t, b.fake.CaptureElsewhere(r.GatewayRef, 2895))

	entry, err := b.gateway.Find(t.Context(), payments.FindRequest{PaymentID: b.paymentID})
	require.NoError(t, err)
	requireBalance(t, entry, "0.000", "2.895", "0.000")
	var captured []string
	for _, e := range entry.Events {
		if e.Kind == payments.EventCaptured {
			captured = append(captured, e.Amount.Text())
		}
	}
	require.Equal(t, []string{"2.895"}, captured)

	require.NoError(t, b.void(r.GatewayRef, kwd("2.895")))
	b.holds(0, 2895, 0)
	require.NoError(t, b.void(r.GatewayRef, kwd("0.895")))
	b.holds(0, 2895, 2000)
}
