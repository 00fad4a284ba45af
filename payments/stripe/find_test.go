package stripe

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// find returns what Stripe says of the payment now.
func (b *testBundle) find() payments.LedgerEntry {
	b.Helper()
	entry, err := b.gateway.Find(b.Context(), payments.FindRequest{PaymentID: b.paymentID})
	require.NoError(b, err)
	return entry
}

// told returns kind and amount of each event.
func told(events []payments.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, string(e.Kind)+" "+e.Amount.Text())
	}
	return out
}

// Stripe repeats the first answer to a key for a day. That says nothing of what has become of the payment since.
func TestWhatStripeWasStillProcessingIsSeenToSucceed(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	asked, err := b.authorize(stripefake.CardProcessing)
	require.NoError(t, err)
	require.Equal(t, payment.StatusActionRequired, asked.Status)
	found := b.find()
	require.Equal(t, payments.StatusProcessing, found.Authorization.Status)
	b.fake.Settle(found.Authorization.GatewayRef)
	require.Equal(t, payments.EventAuthorized, b.news("payment_intent.amount_capturable_updated")[0].Kind, "it is reported")
	require.Equal(t, payment.StatusAuthorized, b.find().Authorization.Status)
	result, err := b.authorize(stripefake.CardProcessing)
	require.NoError(t, err, "the same request is answered by what is so, not by what was")
	require.Equal(t, payment.StatusAuthorized, result.Status)
	b.holds(10_000, 0, 0)
}

func TestARepeatedRequestIsAnsweredByWhatIsSo(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	asked, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	require.True(t, b.fake.Confirm(asked.GatewayRef, true))
	again, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, again.Status)
}

func TestFindTellsWhereAPaymentStands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		card   string
		then   func(b *testBundle, ref string)
		status payment.Status
		code   string
		events []string
	}{
		"authorised":          {stripefake.CardVisa, nil, payment.StatusAuthorized, "", []string{"authorized 100.00"}},
		"declined":            {stripefake.CardNoFunds, nil, payment.StatusDeclined, "insufficient_funds", []string{"declined 100.00"}},
		"waits for the bank":  {stripefake.Card3DS, nil, payment.StatusActionRequired, "", nil},
		"refused at the bank": {stripefake.Card3DS, func(b *testBundle, ref string) { b.fake.Confirm(ref, false) }, payment.StatusDeclined, "authentication_failed", []string{"declined 100.00"}},
		"cancelled elsewhere": {stripefake.CardVisa, func(b *testBundle, ref string) { b.fake.CancelElsewhere(ref) }, payment.StatusVoided, "", []string{"authorized 100.00", "voided 100.00"}},
		"cancelled before":    {stripefake.Card3DS, func(b *testBundle, ref string) { b.fake.CancelElsewhere(ref) }, payment.StatusVoided, "", []string{"voided 0.00"}},
		"a part was captured and the rest let go": {stripefake.CardVisa, func(b *testBundle, ref string) { b.fake.CaptureElsewhere(ref, 2_500) }, payment.StatusVoided, "", []string{"authorized 100.00", "voided 75.00", "captured 25.00"}},
		"ran out":              {stripefake.CardVisa, func(b *testBundle, _ string) { b.fake.Advance(8 * 24 * time.Hour) }, payment.StatusExpired, "", []string{"authorized 100.00", "expired 100.00"}},
		"its search is behind": {stripefake.CardVisa, func(b *testBundle, _ string) { b.fake.Advance(time.Minute) }, payment.StatusAuthorized, "", []string{"authorized 100.00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{SearchLag: 2 * time.Minute})
			result, err := b.authorize(c.card)
			require.NoError(t, err)
			if c.then != nil {
				c.then(b, result.GatewayRef)
			}
			found := b.find()
			require.Equal(t, b.orderID, found.OrderID)
			require.Equal(t, c.status, found.Authorization.Status)
			require.Equal(t, c.code, found.Authorization.DeclineCode)
			require.Equal(t, eur("100.00"), found.Authorization.Amount)
			require.Equal(t, c.events, told(found.Events))

			byRef, err := b.gateway.Find(t.Context(), payments.FindRequest{GatewayRef: result.GatewayRef})
			require.NoError(t, err)
			require.Equal(t, found, byRef)
		})
	}
}

// It fails when what an earlier intent has taken answers for the one that is waited for.
func TestWhereAPaymentStandsIsToldByItsLastIntent(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	first := b.mustAuthorize(stripefake.CardVisa)
	require.True(t, b.fake.CaptureElsewhere(first, 10_000))
	require.NotEmpty(t, b.fake.RefundElsewhere(first, 10_000), "so that all of it is needed once more")
	b.generation = "2"
	b.fake.Advance(time.Minute)
	asked, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	require.Equal(t, payment.StatusActionRequired, b.find().Authorization.Status)
	require.Equal(t, asked.GatewayRef, b.find().Authorization.GatewayRef)
	b.fake.Confirm(asked.GatewayRef, false)
	require.Equal(t, payment.StatusDeclined, b.find().Authorization.Status)
	b.generation = "3"
	b.fake.Advance(time.Minute)
	require.NotEqual(t, first, b.mustAuthorize(stripefake.CardVisa))
	require.Equal(t, payment.StatusAuthorized, b.find().Authorization.Status)
}

// It fails when a repeated request takes money that was let go for reserved.
func TestAnAuthorizationOfWhichAPartWasCapturedElsewhereHoldsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	require.True(t, b.fake.CaptureElsewhere(ref, 2_500))
	again, err := b.authorize(stripefake.CardVisa)
	require.NoError(t, err)
	require.Equal(t, payments.AuthorizeResult{Status: payment.StatusDeclined, GatewayRef: ref, DeclineCode: codeCancelled}, again)
}

func TestFindKnowsNothingOfStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	b.mustAuthorize(stripefake.CardVisa)
	for name, r := range map[string]payments.FindRequest{
		"another payment": {PaymentID: uuid.New()}, "another intent": {GatewayRef: "pi_other"}, "nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			entry, err := b.gateway.Find(t.Context(), r)
			require.NoError(t, err)
			require.Zero(t, entry)
		})
	}
	b.fake.Outage(true)
	_, err := b.gateway.Find(t.Context(), payments.FindRequest{PaymentID: b.paymentID})
	require.ErrorIs(t, err, payments.ErrNoAnswer)
}

// What is done in the dashboard is told from what we did, for each capture and refund, from ledger and query alike.
func TestWhatWasDoneElsewhereIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	require.True(t, b.fake.CaptureElsewhere(ref, 2_500))
	ours, err := b.refund(ref, "1", "10.00")
	require.NoError(t, err)
	theirs := b.fake.RefundElsewhere(ref, 500)
	failed := b.fake.RefundElsewhere(ref, 700)
	b.fake.FailRefund(failed)
	dispute := b.fake.OpenDispute(ref, 2_000, false)
	b.fake.EndDispute(dispute, true)

	found := b.find()
	require.Equal(t, payment.GatewayBalance{Held: eur("0.00"), Captured: eur("65.00"), Refunded: eur("15.00")}, found.Balance)
	require.Equal(t, []string{
		"authorized 100.00", "voided 35.00", "captured 40.00", "captured 25.00", "refund_failed 7.00", "refunded 5.00", "refunded 10.00",
		"dispute_opened 20.00", "dispute_withdrawn 20.00", "dispute_reinstated 20.00", "dispute_won 20.00",
	}, told(found.Events))
	elsewhere := map[string]bool{}
	for _, e := range found.Events[2:] {
		elsewhere[e.Ref] = e.Elsewhere()
	}
	require.False(t, elsewhere[ours])
	require.True(t, elsewhere[theirs])
	require.True(t, elsewhere[dispute])
	require.False(t, found.Events[2].Elsewhere(), "the capture of a shipment")
	require.True(t, found.Events[3].Elsewhere())

	b.fake.Advance(time.Hour)
	listed := ledger(t, b.gateway, b.askedAt, b.fake.Now())
	require.Equal(t, found, listed[b.paymentID])
}

// Which captures of ours were made is told by the intent itself, after the key is forgotten too, and when another
// capture was made meanwhile.
func TestACaptureIsKnownForEver(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "60.00", "100.00")
	require.NoError(t, err)
	b.fake.ForgetKeys()
	_, err = b.capture(ref, "1", "60.00", "100.00")
	require.NoError(t, err)
	b.holds(4_000, 6_000, 0)
	// Both were planned before either was answered: 60 are received, and yet the second was not made.
	_, err = b.capture(ref, "2", "40.00", "100.00")
	require.NoError(t, err)
	b.holds(0, 10_000, 0)
}

func TestARefundThatIsPendingMayFail(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "100.00", "100.00")
	require.NoError(t, err)
	b.fake.PendRefunds(true)
	request := payments.RefundRequest{
		IdempotencyKey: b.paymentID.String() + "/refund/1", AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Amount: eur("30.00"),
	}
	result, err := b.gateway.Refund(t.Context(), request)
	require.NoError(t, err)
	require.True(t, result.Pending)
	require.Contains(t, told(b.find().Events), "refund_pending 30.00")

	b.fake.FailRefund(result.Ref)
	event := b.news("refund.failed")[0]
	require.Equal(t, payments.EventRefundFailed, event.Kind)
	require.Equal(t, [3]string{result.Ref, request.IdempotencyKey, "expired_or_canceled_card"}, [3]string{event.Ref, event.Key, event.Code})
	require.Contains(t, told(b.find().Events), "refund_failed 30.00")
	b.holds(0, 10_000, 0)

	request.AskedAt = time.Time{} // then it is looked up, and it has failed
	_, err = b.gateway.Refund(t.Context(), request)
	require.ErrorIs(t, err, refuse(""))
	request.IdempotencyKey += "/2"
	result, err = b.gateway.Refund(t.Context(), request)
	require.NoError(t, err)
	b.fake.SettleRefund(result.Ref)
	require.Contains(t, told(b.find().Events), "refunded 30.00")
	b.holds(0, 10_000, 3_000)
}

func TestADisputeIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "100.00", "100.00")
	require.NoError(t, err)
	lost := b.fake.OpenDispute(ref, 10_000, false)
	_, err = b.refund(ref, "1", "10.00")
	require.ErrorIs(t, err, refuse(""), "Stripe refunds nothing of it")
	b.fake.EndDispute(lost, false)
	inquiry := b.fake.OpenDispute(ref, 1_000, true)
	b.fake.EndDispute(inquiry, false)
	require.Equal(t, []string{
		"authorized 100.00", "captured 100.00", "dispute_opened 10.00", "dispute_won 10.00", "dispute_opened 100.00", "dispute_withdrawn 100.00",
		"dispute_lost 100.00",
	}, told(b.find().Events))

	var reported []string
	for _, e := range b.news("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed") {
		require.Equal(t, [2]string{ref, "fraudulent"}, [2]string{e.GatewayRef, e.Code})
		reported = append(reported, string(e.Kind)+" "+e.Ref)
	}
	require.Equal(t, []string{
		"dispute_opened " + lost, "dispute_withdrawn " + lost, "dispute_lost " + lost, "dispute_opened " + inquiry, "dispute_won " + inquiry,
	}, reported)
}

func TestStripeThatRefusesOurKeyIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Revoke(true)
	_, authorizeErr := b.authorize(stripefake.CardVisa)
	_, captureErr := b.capture(ref, "1", "40.00", "100.00")
	_, refundErr := b.refund(ref, "1", "10.00")
	_, findErr := b.gateway.Find(t.Context(), payments.FindRequest{PaymentID: b.paymentID})
	for name, err := range map[string]error{
		"authorise": authorizeErr, "capture": captureErr, "refund": refundErr, "find": findErr, "void": b.void(ref, money.Money{}),
	} {
		require.ErrorIs(t, err, payments.ErrCredentials, name)
		require.ErrorIs(t, err, payments.ErrNoAnswer, "%s: it may have taken effect before", name)
	}
	b.fake.Revoke(false)
	b.mustAuthorize(stripefake.CardVisa)
	b.holds(10_000, 0, 0)
}
