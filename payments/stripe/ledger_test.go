package stripe

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// ledger returns the ledger by payment, each of which must stand in it once.
func ledger(t *testing.T, r payments.LedgerReader, from, to time.Time) map[uuid.UUID]payments.LedgerEntry {
	t.Helper()
	entries := map[uuid.UUID]payments.LedgerEntry{}
	for e, err := range r.Ledger(t.Context(), from, to) {
		require.NoError(t, err)
		require.NotContains(t, entries, e.PaymentID)
		entries[e.PaymentID] = e
	}
	return entries
}

// another is the same Stripe with another payment.
func (b *testBundle) another() *testBundle {
	c := *b
	c.paymentID, c.orderID, c.askedAt = uuid.New(), uuid.New(), b.fake.Now()
	return &c
}

func requireBalance(t *testing.T, e payments.LedgerEntry, held, captured, refunded string) {
	t.Helper()
	got := [3]string{e.Balance.Held.Text(), e.Balance.Captured.Text(), e.Balance.Refunded.Text()}
	require.Equal(t, [3]string{held, captured, refunded}, got, "held, captured, refunded")
}

func TestTheLedgerListsWhatMoved(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{SearchLag: time.Minute})
	old, resting := b.another(), b.another()
	oldRef := old.mustAuthorize(stripefake.CardVisa)
	resting.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(2 * 24 * time.Hour)
	from := b.fake.Now()
	_, err := old.capture(oldRef, "1", "40.00", "100.00")
	require.NoError(t, err)
	_, err = old.refund(oldRef, "1", "15.00")
	require.NoError(t, err)
	today := b.another()
	today.mustAuthorize(stripefake.CardVisa)
	var many []*testBundle
	for range 25 {
		m := b.another()
		_, err := m.authorize(stripefake.CardDeclined)
		require.NoError(t, err)
		many = append(many, m)
	}
	b.fake.Advance(20 * time.Minute)

	entries := ledger(t, b.gateway, from, b.fake.Now())
	require.Len(t, entries, 27)
	require.NotContains(t, entries, resting.paymentID)
	requireBalance(t, entries[old.paymentID], "60.00", "40.00", "15.00")
	require.Equal(t, old.orderID, entries[old.paymentID].OrderID)
	require.Equal(t, []string{oldRef}, entries[old.paymentID].Refs)
	require.False(t, entries[old.paymentID].TakenAtOnce)
	requireBalance(t, entries[today.paymentID], "100.00", "0.00", "0.00")
	require.True(t, entries[many[0].paymentID].Balance.Held.IsZero())
	require.Empty(t, ledger(t, b.gateway, b.fake.Now(), b.fake.Now().Add(time.Hour)))
}

func TestTheLedgerAddsUpAllAuthorizationsOfAPayment(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	_, err := b.capture(b.mustAuthorize(stripefake.CardVisa), "1", "40.00", "100.00")
	require.NoError(t, err)
	b.fake.Advance(8 * 24 * time.Hour)
	from := b.fake.Now()
	b.generation, b.askedAt = "2", from
	_, err = b.authorizeAmount(stripefake.CardVisa, eur("60.00"))
	require.NoError(t, err)
	b.fake.Advance(time.Hour)

	e := ledger(t, b.gateway, from, b.fake.Now())[b.paymentID]
	requireBalance(t, e, "60.00", "40.00", "0.00")
	require.Len(t, e.Refs, 2)
}

// A void gives back what was captured in the dashboard from the authorisation of which most is left. It is told as
// neither captured nor refunded, whichever authorisation had taken it.
func TestTheLedgerTakesWhatAVoidGaveBackOffWhatWasCapturedElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	first := b.mustAuthorize(stripefake.CardVisa)
	require.True(t, b.fake.CaptureElsewhere(first, 1000))
	from := b.fake.Now()
	b.fake.Advance(time.Hour)
	b.generation, b.askedAt = "2", b.fake.Now()
	second, err := b.authorizeAmount(stripefake.CardVisa, eur("60.00"))
	require.NoError(t, err)
	_, err = b.capture(second.GatewayRef, "1", "60.00", "60.00")
	require.NoError(t, err)
	require.NoError(t, b.void(first, eur("60.00")))
	b.fake.Advance(time.Hour)

	e := ledger(t, b.gateway, from.Add(-time.Hour), b.fake.Now())[b.paymentID]
	requireBalance(t, e, "0.00", "60.00", "0.00")
	sum := eur("0.00")
	for _, event := range e.Events {
		if event.Kind == payments.EventCaptured {
			sum = sum.Add(event.Amount)
		}
	}
	require.Zero(t, sum.Cmp(e.Balance.Captured), "%+v", e.Events)
}

func TestTheLedgerShowsWhatWasTakenAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{NoMulticapture: true})
	_, err := b.capture(b.mustAuthorize(stripefake.CardVisa), "1", "40.00", "100.00")
	require.NoError(t, err)
	b.fake.Advance(time.Hour)
	e := ledger(t, b.gateway, b.askedAt, b.fake.Now())[b.paymentID]
	requireBalance(t, e, "0.00", "100.00", "0.00")
	require.True(t, e.TakenAtOnce)

	_, err = b.refund(e.Refs[0], "1", "5.00")
	require.NoError(t, err)
	require.NoError(t, b.void(e.Refs[0], eur("40.00")))
	b.holds(0, 10000, 6500)
	e = ledger(t, b.gateway, b.askedAt, b.fake.Now())[b.paymentID]
	requireBalance(t, e, "0.00", "40.00", "5.00")
}

func TestTheLedgerShowsAChargeThatNobodyKnows(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	b.mustAuthorize(stripefake.CardVisa)
	b.generation = "by a mistake"
	b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(time.Hour)
	requireBalance(t, ledger(t, b.gateway, b.askedAt, b.fake.Now())[b.paymentID], "200.00", "0.00", "0.00")
}

func TestTheLedgerEndsWithAnErrorRatherThanWithAGap(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{SearchLag: time.Hour})
	b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(time.Minute)
	require.Contains(t, ledger(t, b.gateway, b.askedAt, b.fake.Now()), b.paymentID, "the list shows what the search does not find yet")
	b.fake.Advance(30 * time.Minute)
	last := func(from time.Time) (err error) {
		for _, err = range b.gateway.Ledger(t.Context(), from, b.fake.Now()) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	require.ErrorIs(t, last(b.askedAt), payments.ErrNoAnswer, "the search is behind")
	require.ErrorIs(t, last(b.askedAt.AddDate(0, -2, 0)), domain.Refuse("ledger_out_of_reach", ""))
	for _, p := range []string{createPath, "/v1/events", "/v1/payment_intents/search"} {
		b.fake.Inject(stripefake.Fault{Method: "GET", Path: p, Status: 503})
		require.ErrorIs(t, last(b.askedAt), payments.ErrNoAnswer, p)
	}
}

func TestTheSandboxHasALedgerToo(t *testing.T) {
	t.Parallel()
	g, err := sandbox.Open("")
	require.NoError(t, err)
	before := time.Now().Add(-time.Second)
	id, orderID := uuid.New(), uuid.New()
	r, err := g.Authorize(t.Context(), payments.AuthorizeRequest{IdempotencyKey: "a", PaymentID: id, OrderID: orderID, Amount: eur("100.00"), Token: "tok_approve"})
	require.NoError(t, err)
	require.Equal(t, payment.StatusAuthorized, r.Status)
	_, err = g.Capture(t.Context(), payments.CaptureRequest{IdempotencyKey: "c", PaymentID: id, GatewayRef: r.GatewayRef, Amount: eur("40.00"), Capturable: eur("100.00")})
	require.NoError(t, err)
	e := ledger(t, g, before, time.Now().Add(time.Second))[id]
	require.Equal(t, orderID, e.OrderID)
	requireBalance(t, e, "60.00", "40.00", "0.00")
	require.Empty(t, ledger(t, g, time.Now().Add(time.Minute), time.Now().Add(time.Hour)))
}
