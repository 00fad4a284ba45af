package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestCancelOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("cancels the order", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.cancel())
		require.Equal(t, order.StatusCancelled, o.orderState().Status)
		require.Equal(t, "changed_mind", o.orderState().CancelReason)
	})
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		require.NoError(t, o.cancel())
		o.requireUnchanged(func() { require.NoError(t, o.cancel()) })
	})
	t.Run("tells how an order was cancelled before", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.cancel())
		o.requireUnchanged(func() {
			moved, err := run(o, o.CancelOrder, activities.CancelOrder{OrderID: o.id, Reason: order.ReasonPaymentDeclined, By: order.BySystem, At: at})
			require.NoError(t, err)
			require.Equal(t, "changed_mind", moved.Reason)
			require.Equal(t, order.ByCustomer, moved.CancelledBy)
			require.True(t, moved.Replayed)
			for _, s := range moved.Shipments {
				require.Equal(t, order.ShipmentStatusCancelled, s.Status)
			}
		})
	})
	t.Run("records who has rejected a held order", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, func(o *activities.Options) { o.Review = activities.ReviewRules{Customers: []string{"cus_1"}} }).place()
		moved, err := run(o, o.CancelOrder, activities.CancelOrder{OrderID: o.id, RejectedBy: "ann", At: at})
		require.NoError(t, err)
		require.Equal(t, order.ReasonReviewRejected, moved.Reason)
		require.Equal(t, "ann", moved.RejectedBy)
		require.Equal(t, "ann", o.orderState().RejectedBy)
	})
	t.Run("rejects no order that is not held", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.requireUnchanged(func() {
			_, err := run(o, o.CancelOrder, activities.CancelOrder{OrderID: o.id, RejectedBy: "ann", At: at})
			requireRefused(t, order.CodeNotHeld, err)
		})
	})
	t.Run("refuses an order that has left", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.requireUnchanged(func() { requireRefused(t, order.CodeNotCancellable, o.cancel()) })
	})
	t.Run("refuses an order that does not exist", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		_, err := run(o, o.CancelOrder, activities.CancelOrder{OrderID: uuid.New(), Reason: "x", By: order.ByOperator, At: at})
		requireRefused(t, domain.CodeNotFound, err)
	})
}
