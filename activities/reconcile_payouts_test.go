package activities_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// reconcilePayouts compares what has changed since the order was placed.
func (o *dashboardOrder) reconcilePayouts(from time.Time) activities.Reconciled {
	out, err := run(o.as("reconcile-"+uuid.NewString()), o.ReconcilePayments, activities.ReconcilePayments{From: from, To: o.fake.Now().Add(time.Minute)})
	require.NoError(o.t, err)
	return out
}

// Each entry of a payout is matched to a capture, a refund or a dispute of an order. What matches nothing is named.
func TestPayoutsAreMatchedWithOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("all of it", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{})
		from := o.fake.Now()
		o.confirmed()
		require.NoError(t, o.ship("berlin"))
		o.fake.RefundElsewhere(o.intent(), 300)
		o.fake.OpenDispute(o.intent(), 200, false)
		o.report()
		o.fake.ChargeFee("eur", 99)
		id := o.fake.PayOut("eur")
		out := o.reconcilePayouts(from)
		require.Len(t, out.Payouts, 1)
		p := out.Payouts[0]
		require.Equal(t, []any{id, 4, 0, 0, true}, []any{p.Ref, p.Matched, p.Foreign, p.Unmatched, p.Itemised}, "%+v", out.UnmatchedEntries)
		require.Zero(t, p.Gross.Sub(p.Fees).Cmp(p.Net))
		require.Zero(t, p.Net.Cmp(p.Amount))
		require.Empty(t, out.UnmatchedEntries)
		require.Zero(t, out.Unmatched)
	})
	t.Run("what belongs to nobody", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{})
		from := o.fake.Now()
		o.confirmed()
		require.NoError(t, o.ship("berlin"))
		o.fake.ChargeElsewhere("eur", 1_000)
		id := o.fake.PayOut("eur")
		out := o.reconcilePayouts(from)
		require.Equal(t, []int{1, 1, 0}, []int{out.Payouts[0].Matched, out.Payouts[0].Foreign, out.Payouts[0].Unmatched})
		require.Len(t, out.UnmatchedEntries, 1)
		require.Equal(t, []any{id, payments.PayoutCapture, uuid.Nil, "10.00", "no order here has this payment"}, []any{
			out.UnmatchedEntries[0].Payout, out.UnmatchedEntries[0].Kind, out.UnmatchedEntries[0].OrderID, out.UnmatchedEntries[0].Amount.Text(),
			out.UnmatchedEntries[0].Why,
		})
		require.Zero(t, out.Unmatched, "another program may use the account")
	})
	t.Run("a gateway that captures once", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{NoMulticapture: true})
		from := o.fake.Now()
		o.confirmed()
		require.NoError(t, o.ship("berlin"))
		o.fake.PayOut("eur")
		out := o.reconcilePayouts(from)
		require.Equal(t, []int{1, 0, 0}, []int{out.Payouts[0].Matched, out.Payouts[0].Foreign, out.Payouts[0].Unmatched}, "%+v", out.UnmatchedEntries)
	})
	t.Run("a payout of which nothing is told", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{})
		from := o.fake.Now()
		o.fake.PayOutByHand("eur", 500)
		out := o.reconcilePayouts(from)
		require.False(t, out.Payouts[0].Itemised)
		require.Zero(t, out.Unmatched)
	})
	t.Run("payouts that may not be read", func(t *testing.T) {
		t.Parallel()
		o := b.dashboardOrder(t, stripefake.Options{})
		o.fake.Inject(stripefake.Fault{Method: "GET", Path: "/v1/payouts", Status: 403})
		out := o.reconcilePayouts(o.fake.Now())
		require.NotEmpty(t, out.PayoutsUnread)
	})
}

// payoutGateway is a gateway that has paid out what a test says.
type payoutGateway struct {
	payments.Gateway
	payout payments.Payout
}

func (g *payoutGateway) Payouts(context.Context, time.Time, time.Time) iter.Seq2[payments.Payout, error] {
	return func(yield func(payments.Payout, error) bool) { yield(g.payout, nil) }
}

// What names a payment of an order and is none of its captures, refunds or disputes is told. So is a payout that does
// not add up.
func TestEntriesOfPayoutsThatMatchNothing(t *testing.T) {
	t.Parallel()
	eur := func(text string) money.Money { return money.Must(text, "EUR") }
	b := setup(t)
	var gateway payoutGateway
	o := b.order(t, func(options *activities.Options) {
		gateway.Gateway = options.Gateway
		options.Gateway = &gateway
	})
	o.place()
	o.authorize()
	id := o.paymentState().ID
	entry := func(ref string, kind payments.PayoutKind, amount string) payments.PayoutEntry {
		return payments.PayoutEntry{Ref: ref, Movement: ref, Kind: kind, PaymentID: id, GatewayRef: "other", Gross: eur(amount), Fee: eur("0"), Net: eur(amount)}
	}
	gateway.payout = payments.Payout{Ref: "po", Amount: eur("1.00"), Itemised: true, At: at, Entries: []payments.PayoutEntry{
		entry("t1", payments.PayoutCapture, "5.00"), entry("t2", payments.PayoutRefund, "-1.00"), entry("t3", payments.PayoutRefundFailed, "1.00"),
		entry("t4", payments.PayoutDispute, "-2.00"), entry("t5", payments.PayoutOther, "3.00"),
	}}
	out, err := run(o.as("reconcile-"+uuid.NewString()), o.ReconcilePayments, activities.ReconcilePayments{From: at.Add(-time.Hour), To: at})
	require.NoError(t, err)
	require.Equal(t, 6, out.Unmatched)
	var why []string
	for _, e := range out.UnmatchedEntries {
		why = append(why, e.Ref+": "+e.Why)
		if e.Ref != "po" {
			require.Equal(t, o.id, e.OrderID)
		}
	}
	require.Equal(t, []string{
		"t1: the events tell that 0.00 EUR were captured of it", "t2: no refund of the order has this reference",
		"t3: no refund of the order has this reference", "t4: no dispute of the order has this reference",
		"t5: it is neither a capture, a refund nor a dispute", "po: its entries do not add up to what was paid out",
	}, why)
}
