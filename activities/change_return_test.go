package activities_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func (o *testOrder) returnID() uuid.UUID { return o.shipment("requested return") }

func (o *testOrder) requestReturn(pieces int) (activities.ReturnChanged, error) {
	return run(o.as("return-"+o.returnID().String()), o.RequestReturn, activities.RequestReturn{
		OrderID: o.id, ReturnID: o.returnID(), Lines: []order.ReturnLine{{SKU: o.a, Quantity: pieces, Reason: "damaged"}}, Reason: "broken",
		By: order.ByCustomer, DecideWithin: time.Hour, At: at,
	})
}

func (o *testOrder) decideReturn(action order.ReturnAction) (activities.ReturnChanged, error) {
	return run(o.as("return-"+o.returnID().String()+"-"+string(action)), o.DecideReturn, activities.DecideReturn{
		OrderID: o.id, ReturnID: o.returnID(), Action: action, By: order.ByOperator, Reason: "worn", ExpiresAfter: 24 * time.Hour, At: at,
	})
}

func (o *testOrder) receiveReturn(lines ...order.ReturnLine) (activities.GoodsReturned, error) {
	return run(o.as("return-"+o.returnID().String()+"-receive"), o.ReturnGoods, activities.ReturnGoods{
		OrderID: o.id, ReturnID: o.returnID(), Lines: lines, Approved: true, At: at.Add(40 * 24 * time.Hour),
	})
}

func (o *testOrder) endReturns(at time.Time) (activities.ReturnsEnded, error) {
	return run(o.as("returns-due-"+o.id.String()), o.EndReturns, activities.EndReturns{OrderID: o.id, At: at})
}

// Each step of a return takes effect once, and what it owes and restocks comes with its goods alone.
func TestAReturnGoesStepByStep(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).delivered()
	twice := func(want order.ReturnStatus, step func() (activities.ReturnChanged, error)) {
		t.Helper()
		first, err := step()
		require.NoError(t, err)
		require.Equal(t, want, first.Return.Status)
		require.Nil(t, first.Return.Amount, "no goods have come")
		o.requireUnchanged(func() {
			again, err := step()
			require.NoError(t, err)
			first.Replayed = true
			require.Equal(t, first, again)
		})
	}
	twice(order.ReturnStatusRequested, func() (activities.ReturnChanged, error) { return o.requestReturn(2) })
	_, err := o.receiveReturn(order.ReturnLine{SKU: o.a, Quantity: 1})
	requireRefused(t, order.CodeReturnNotApproved, err)
	twice(order.ReturnStatusApproved, func() (activities.ReturnChanged, error) { return o.decideReturn(order.ReturnApprove) })
	require.True(t, o.paymentState().Owed().IsZero())
	require.Equal(t, 3, o.stock(o.a, "berlin").OnHand)

	_, err = o.receiveReturn(order.ReturnLine{SKU: o.a, Quantity: 1, Location: "nowhere"})
	requireRefused(t, location.CodeUnknownLocation, err)
	came := []order.ReturnLine{{SKU: o.a, Quantity: 1, Restock: true, Location: "reno"}, {SKU: o.a, Quantity: 1}}
	got, err := o.receiveReturn(came...)
	require.NoError(t, err)
	require.Equal(t, "20.00", got.Amount.Text())
	require.Equal(t, payment.RefundStatusOwed, got.Refund.Status)
	require.Equal(t, order.ReturnStatusReceived, got.Return.Status, "it is refunded once it is paid")
	require.Equal(t, []int{2, 1}, []int{got.Return.Lines[0].Received, got.Return.Lines[0].Restocked})
	require.Equal(t, 3, o.stock(o.a, "berlin").OnHand)
	require.Equal(t, 1, o.stock(o.a, "reno").OnHand, "where it was said, once")
	o.requireUnchanged(func() {
		again, err := o.receiveReturn(came...)
		require.NoError(t, err)
		got.Replayed = true
		require.Equal(t, got, again)
		for _, action := range []order.ReturnAction{order.ReturnRefuse, order.ReturnCancel} {
			_, err := o.decideReturn(action)
			requireRefused(t, order.CodeReturnDecided, err)
		}
		_, err = o.endReturns(at.AddDate(1, 0, 0))
		require.NoError(t, err)
	})
	refund, err := run(o, o.RefundPayment, activities.RefundPayment{OrderID: o.id, RefundID: o.returnID(), At: at})
	require.NoError(t, err)
	require.Equal(t, payment.RefundStatusPaid, refund.Status)
	told, err := o.requestReturn(2)
	require.NoError(t, err)
	require.Equal(t, order.ReturnStatusRefunded, told.Return.Status)
}

func TestWhatIsDueOfReturnsIsRecordedInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("a decision that nobody makes", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		_, err := o.requestReturn(1)
		require.NoError(t, err)
		o.requireUnchanged(func() {
			_, err := o.endReturns(at.Add(time.Hour - time.Second))
			require.NoError(t, err)
		})
		_, err = o.endReturns(at.Add(time.Hour))
		require.NoError(t, err)
		require.Contains(t, o.causes(), attention.CauseReturnWaiting)
		_, err = o.decideReturn(order.ReturnRefuse)
		require.NoError(t, err)
		require.NotContains(t, o.causes(), attention.CauseReturnWaiting)
	})
	t.Run("goods that do not come", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		_, err := o.requestReturn(2)
		require.NoError(t, err)
		_, err = o.decideReturn(order.ReturnApprove)
		require.NoError(t, err)
		changed, err := o.endReturns(at.Add(24 * time.Hour))
		require.NoError(t, err)
		require.False(t, changed.Replayed)
		o.requireUnchanged(func() {
			changed, err = o.endReturns(at.Add(48 * time.Hour))
			require.NoError(t, err)
			require.True(t, changed.Replayed)
		})
		back := o.returnAll()
		_, err = run(o.as("return-"+back.ReturnID.String()), o.ReturnGoods, back)
		require.NoError(t, err, "its pieces may come otherwise")
		_, err = o.receiveReturn(order.ReturnLine{SKU: o.a, Quantity: 1})
		requireRefused(t, domain.CodeInvalid, err)
	})
	_, err := b.order(t).endReturns(at)
	requireRefused(t, domain.CodeNotFound, err)
}
