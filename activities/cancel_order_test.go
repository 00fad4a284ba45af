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
	t.Run("refuses an order that has left", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.requireUnchanged(func() { requireRefused(t, order.CodeNotCancellable, o.cancel()) })
	})
	t.Run("refuses an order that does not exist", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		err := runForEffect(o, o.CancelOrder, activities.CancelOrder{OrderID: uuid.New(), Reason: "x", By: order.ByOperator, At: at})
		requireRefused(t, domain.CodeNotFound, err)
	})
}
