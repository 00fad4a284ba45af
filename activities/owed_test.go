package activities_test

import (
	"slices"
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestWhatAnEndedOrderOwes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owed := func(o *testOrder) activities.Owed {
		o.t.Helper()
		var owed activities.Owed
		o.requireUnchanged(func() {
			var err error
			owed, err = activities.FoldOwed(o.t.Context(), o.events, o.orderState())
			require.NoError(o.t, err)
		})
		return owed
	}

	t.Run("an open order owes nothing: its saga is not done", func(t *testing.T) {
		t.Parallel()
		require.True(t, owed(b.order(t).confirmed()).Nothing())
	})
	t.Run("a delivered order owes nothing", func(t *testing.T) {
		t.Parallel()
		require.True(t, owed(b.order(t).delivered()).Nothing())
	})
	t.Run("a cancelled order owes its money and its stock until they are let go", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.cancel())
		require.Equal(t, activities.Owed{Money: true, Stock: true}, owed(o))
		require.NoError(t, o.void())
		require.Equal(t, activities.Owed{Stock: true}, owed(o))
		_, err := run(o, o.ReleaseStock, releaseInput(o))
		require.NoError(t, err)
		require.True(t, owed(o).Nothing())
	})
	t.Run("money that the gateway refuses to let go is owed until it is let go", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.cancel())
		o.gateway.refuses = "there is no such payment"
		require.NoError(t, o.void())
		require.Equal(t, activities.Owed{Money: true, Stock: true}, owed(o))
	})
	t.Run("a shipment that did not arrive is owed its refund", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		_, err := run(o, o.DeliverShipment, o.endInput("berlin"))
		require.NoError(t, err)
		_, err = run(o, o.LoseShipment, o.endInput("reno"))
		require.NoError(t, err)
		require.Equal(t, activities.Owed{Refunds: 1}, owed(o))
		shipments := o.orderState().Shipments
		lost := shipments[slices.IndexFunc(shipments, order.Shipment.NeverArrived)]
		_, err = run(o, o.RefundPayment, o.refundInput(lost.RefundID(), 0))
		require.NoError(t, err)
		require.True(t, owed(o).Nothing())
	})
}
