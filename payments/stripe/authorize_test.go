package stripe

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

func TestAnAuthorizationReservesMoneyAndSendsNothingPersonal(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})

	r, err := b.authorize(stripefake.CardVisa)

	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, r.Status)
	require.Equal(t, b.askedAt.Add(7*24*time.Hour), r.ExpiresAt)
	b.holds(10000, 0, 0)
	calls := b.fake.Calls()
	require.Len(t, calls, 1)
	require.Equal(t, b.authorizeKey(), calls[0].Key)
	require.Equal(t, url.Values{
		"amount": {"10000"}, "currency": {"eur"}, "capture_method": {"manual"}, "confirm": {"true"}, "payment_method": {stripefake.CardVisa},
		"payment_method_types[0]": {"card"}, "payment_method_options[card][request_multicapture]": {"if_available"},
		"return_url":           {"https://shop.example/orders/" + b.orderID.String()},
		"metadata[payment_id]": {b.paymentID.String()}, "metadata[order_id]": {b.orderID.String()},
		"metadata[request]": {b.authorizeKey()},
		"expand[0]":         {"latest_charge"},
	}, calls[0].Form)
}

func TestAConfirmationTokenIsAMeansOfPaymentToo(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	b.mustAuthorize(stripefake.CardConfirmationOnce)
	require.Equal(t, stripefake.CardConfirmationOnce, b.fake.Calls()[0].Form.Get("confirmation_token"))
	require.Empty(t, b.fake.Calls()[0].Form.Get("payment_method"))
}

func TestADeclineIsAnAnswer(t *testing.T) {
	t.Parallel()
	for card, code := range map[string]string{
		stripefake.CardDeclined: "card_declined",
		stripefake.CardNoFunds:  "insufficient_funds",
		stripefake.CardExpired:  "expired_card",
		stripefake.CardStolen:   "card_declined", // not for the customer's ears
		"pm_unknown":            "invalid_token",
		"":                      "invalid_token",
	} {
		t.Run(card, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			for range 2 { // the second time it is told out of the key
				r, err := b.authorize(card)
				require.NoError(t, err)
				require.Equal(t, payment.StatusDeclined, r.Status)
				require.Equal(t, code, r.DeclineCode)
			}
			b.holds(0, 0, 0)
		})
	}
}

func TestAnAmountThatStripeCannotTakeIsDeclinedWithoutAsking(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	r, err := b.authorizeAmount(stripefake.CardVisa, money.Must("10.005", "KWD"))
	require.NoError(t, err)
	require.Equal(t, payment.StatusDeclined, r.Status)
	require.Equal(t, "amount_not_chargeable", r.DeclineCode)
	require.Empty(t, b.fake.Calls())

	r, err = b.authorizeAmount(stripefake.CardVisa, money.Must("0.10", "EUR"))
	require.NoError(t, err)
	require.Equal(t, "amount_too_small", r.DeclineCode)
}

func TestTheBankWantsAConfirmation(t *testing.T) {
	t.Parallel()
	for approve, status := range map[bool]payment.Status{true: payment.StatusAuthorized, false: payment.StatusDeclined} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			r, err := b.authorize(stripefake.Card3DS)
			require.NoError(t, err)
			require.Equal(t, payment.StatusActionRequired, r.Status)
			require.Equal(t, "https://hooks.stripe.com/3ds/"+r.GatewayRef, r.ActionURL)
			require.True(t, b.fake.Confirm(r.GatewayRef, approve))

			b.askedAt = time.Time{} // looked up
			again, err := b.authorize(stripefake.Card3DS)
			require.NoError(t, err)
			require.Equal(t, status, again.Status)
			require.Equal(t, r.GatewayRef, again.GatewayRef)
			if !approve {
				require.Equal(t, "authentication_failed", again.DeclineCode)
			}
			require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Intents)
		})
	}
}

func TestAConfirmationThatNobodyCanFollowIsDeclinedAndClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	fault := post(cancelPath)
	fault.Status = 503
	b.fake.Inject(fault)
	_, err := b.authorize(stripefake.CardAppOnly)
	require.ErrorIs(t, err, payments.ErrNoAnswer, "it is not declined before it is closed")
	r, err := b.authorize(stripefake.CardAppOnly)
	require.NoError(t, err)
	require.Equal(t, payment.StatusDeclined, r.Status)
	require.Equal(t, "confirmation_not_supported", r.DeclineCode)
	require.False(t, b.fake.Confirm(r.GatewayRef, true))
}

func TestAPaymentInProcessingIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	for range 2 {
		r, err := b.authorize(stripefake.CardProcessing)
		require.NoError(t, err)
		require.Equal(t, [2]string{"action_required", ""}, [2]string{string(r.Status), r.ActionURL}, "the customer has nothing to do")
		b.fake.Advance(13 * time.Hour)
	}
	intents, err := b.gateway.find(t.Context(), b.paymentID)
	require.NoError(t, err)
	b.fake.Settle(intents[0].ID)
	r, err := b.authorize(stripefake.CardProcessing)
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, r.Status)
	require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Authorized)
}

func TestAnAmbiguousAuthorizationNeverHoldsTwice(t *testing.T) {
	t.Parallel()
	for name, fault := range faults(createPath) {
		for waits, patience := range map[string]time.Duration{"soon": time.Second, "for days": 5 * 24 * time.Hour} {
			t.Run(name+", asked again "+waits, func(t *testing.T) {
				t.Parallel()
				b := setup(t, stripefake.Options{SearchLag: time.Minute})
				b.fake.Inject(fault)
				if fault.Kept && !fault.Effect {
					patience = 5 * 24 * time.Hour // Stripe repeats its failure until it forgets the key
				}
				r := untilAnswered(b, patience, func() (payments.AuthorizeResult, error) { return b.authorize(stripefake.CardVisa) })
				require.Equal(t, payment.StatusAuthorized, r.Status)
				b.holds(10000, 0, 0)
				require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Authorized)
			})
		}
	}
}

func TestAfterTheKeyHasExpiredAnAuthorizationIsLookedUpFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(25 * time.Hour)
	r, err := b.authorize(stripefake.CardVisa)
	require.NoError(t, err)
	require.Equal(t, ref, r.GatewayRef)
	require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Intents)
}

func TestALookupFindsWhatTheSearchDoesNotShowYet(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{SearchLag: time.Hour})
	fault := post(createPath)
	fault.Effect, fault.Status, fault.Kept = true, 500, true
	b.fake.Inject(fault)
	r, err := b.authorize(stripefake.CardVisa)
	require.NoError(t, err, "the 500 is looked up at once")
	require.Equal(t, payment.StatusAuthorized, r.Status)
}

func TestAHangingRequestEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	fault := post(createPath)
	fault.Hang, fault.Effect = true, true
	b.fake.Inject(fault)
	_, err := b.gateway.Authorize(deadline(t, 100*time.Millisecond), payments.AuthorizeRequest{
		IdempotencyKey: b.authorizeKey(), AskedAt: b.askedAt, PaymentID: b.paymentID, OrderID: b.orderID, Amount: eur("100.00"), Token: stripefake.CardVisa,
	})
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	b.mustAuthorize(stripefake.CardVisa)
	require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Authorized)
}

func TestTwoRequestsAtOnceUnderOneKeyHoldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	gate := make(chan struct{})
	fault := post(createPath)
	fault.Gate = gate
	b.fake.Inject(fault)
	var first sync.WaitGroup
	var firstErr error
	first.Go(func() { _, firstErr = b.authorize(stripefake.CardVisa) })
	require.Eventually(t, func() bool { return len(b.fake.Calls()) == 1 }, 10*time.Second, time.Millisecond)
	_, err := b.authorize(stripefake.CardVisa)
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	require.ErrorContains(t, err, "idempotency_key_in_use")
	close(gate)
	first.Wait()
	require.NoError(t, firstErr)
	b.mustAuthorize(stripefake.CardVisa)
	require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Intents)
}

func TestAnExpiredAuthorizationIsMadeAnew(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	first := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(8 * 24 * time.Hour)
	b.holds(0, 0, 0)

	b.generation, b.askedAt = "2", b.fake.Now()
	second := b.mustAuthorize(stripefake.CardVisa)
	require.NotEqual(t, first, second)
	b.holds(10000, 0, 0)

	b.fake.Advance(25 * time.Hour) // asked again without its key, it is not taken for the first
	require.Equal(t, second, b.mustAuthorize(stripefake.CardVisa))
	require.Equal(t, 2, b.fake.Account(b.paymentID.String()).Intents)
}

func TestAnotherPaymentOfTheSameAmountIsAnother(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	first := b.mustAuthorize(stripefake.CardVisa)
	b.paymentID, b.askedAt = uuid.New(), time.Time{}
	require.NotEqual(t, first, b.mustAuthorize(stripefake.CardVisa))
}

func TestAnOutageIsOutwaited(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	b.fake.Outage(true)
	for range 30 {
		_, err := b.authorize(stripefake.CardVisa)
		require.ErrorIs(t, err, payments.ErrNoAnswer)
		b.fake.Advance(time.Hour)
	}
	b.fake.Outage(false)
	b.mustAuthorize(stripefake.CardVisa)
	require.Equal(t, 1, b.fake.Account(b.paymentID.String()).Authorized)
}

func TestAnAuthorizationThatRanOutBeforeItWasAnsweredIsMadeAnew(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	fault := post(createPath)
	fault.Effect = true
	b.fake.Inject(fault)
	_, err := b.authorize(stripefake.CardVisa)
	require.ErrorIs(t, err, payments.ErrNoAnswer)
	b.fake.Advance(8 * 24 * time.Hour)
	b.mustAuthorize(stripefake.CardVisa)
	b.holds(10000, 0, 0)
}
