package stripe

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

func payouts(t *testing.T, r payments.PayoutReader, from, to time.Time) (all []payments.Payout) {
	t.Helper()
	for p, err := range r.Payouts(t.Context(), from, to) {
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// A payout tells of each capture, refund and dispute to which payment it belongs, and what the account pays for it. It
// adds up. What belongs to nobody here is told too.
func TestAPayoutTellsOfWhatItConsists(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	from := b.fake.Now()
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	_, err = b.capture(ref, "2", "60.00", "60.00")
	require.NoError(t, err)
	refunded, err := b.refund(ref, "1", "15.00")
	require.NoError(t, err)
	elsewhere := b.fake.RefundElsewhere(ref, 500)
	b.fake.FailRefund(elsewhere)
	dispute := b.fake.OpenDispute(ref, 2_000, false)
	b.fake.ChargeElsewhere("eur", 1_000)
	b.fake.ChargeFee("eur", 99)
	id := b.fake.PayOut("eur")
	b.fake.Advance(time.Hour)
	to := b.fake.Now()

	all := payouts(t, b.gateway, from, to)
	require.Len(t, all, 1)
	p := all[0]
	require.True(t, p.Itemised)
	require.Equal(t, id, p.Ref)
	sum := money.Zero("EUR")
	kinds := map[payments.PayoutKind][]payments.PayoutEntry{}
	for _, e := range p.Entries {
		require.Zero(t, e.Gross.Sub(e.Fee).Cmp(e.Net))
		sum = sum.Add(e.Net)
		kinds[e.Kind] = append(kinds[e.Kind], e)
		switch e.Kind {
		case payments.PayoutFee:
			require.Equal(t, uuid.Nil, e.PaymentID)
		case payments.PayoutCapture:
		default:
			require.Equal(t, []any{b.paymentID, ref}, []any{e.PaymentID, e.GatewayRef}, "%+v", e)
		}
	}
	require.Zero(t, sum.Cmp(p.Amount), "%s %s", sum, p.Amount)
	require.Len(t, kinds[payments.PayoutCapture], 3)
	require.Equal(t, uuid.Nil, kinds[payments.PayoutCapture][0].PaymentID, "the newest is another program's")
	require.Equal(t, []any{b.paymentID, "60.00", "1.15"}, []any{
		kinds[payments.PayoutCapture][1].PaymentID, kinds[payments.PayoutCapture][1].Gross.Text(), kinds[payments.PayoutCapture][1].Fee.Text(),
	})
	require.Equal(t, []string{elsewhere, refunded}, []string{kinds[payments.PayoutRefund][0].Movement, kinds[payments.PayoutRefund][1].Movement})
	require.Equal(t, "-15.00", kinds[payments.PayoutRefund][1].Gross.Text())
	require.Equal(t, []any{elsewhere, "5.00"}, []any{kinds[payments.PayoutRefundFailed][0].Movement, kinds[payments.PayoutRefundFailed][0].Gross.Text()})
	require.Equal(t, []any{dispute, "-20.00"}, []any{kinds[payments.PayoutDispute][0].Movement, kinds[payments.PayoutDispute][0].Gross.Text()})
	require.Len(t, kinds[payments.PayoutFee], 1)
	require.Empty(t, payouts(t, b.gateway, to, to.Add(time.Hour)))
}

// What a person has paid out, and what is not put together yet, is told without entries. What failed is not told.
func TestAPayoutThatIsNotItemised(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	from := b.fake.Now()
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	byHand := b.fake.PayOutByHand("eur", 100)
	failed := b.fake.PayOut("eur")
	b.fake.SetPayout(failed, "failed", "completed")
	early := b.fake.PayOut("eur")
	b.fake.SetPayout(early, "pending", "in_progress")
	var refs []string
	for _, p := range payouts(t, b.gateway, from, b.fake.Now().Add(time.Minute)) {
		require.False(t, p.Itemised)
		require.Empty(t, p.Entries)
		refs = append(refs, p.Ref)
	}
	require.ElementsMatch(t, []string{byHand, early}, refs)
}

// What an account that captures once gave back with a void is no refund of the order.
func TestWhatAVoidGaveBackIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{NoMulticapture: true})
	from := b.fake.Now()
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	require.NoError(t, b.void(ref, money.Must("40.00", "EUR")))
	b.fake.PayOut("eur")
	all := payouts(t, b.gateway, from, b.fake.Now().Add(time.Minute))
	require.Len(t, all[0].Entries, 2)
	require.Equal(t, []any{payments.PayoutExcess, "-60.00"}, []any{all[0].Entries[0].Kind, all[0].Entries[0].Gross.Text()})
	require.Equal(t, "100.00", all[0].Entries[1].Gross.Text())
}
