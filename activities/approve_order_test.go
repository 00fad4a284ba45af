package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestApproveOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := func(o *activities.Options) { o.Review = activities.ReviewRules{Customers: []string{"cus_1"}} }
	approve := func(o *testOrder, id uuid.UUID) error {
		return errorOf(o, o.ApproveOrder, activities.ApproveOrder{OrderID: id, By: "ann", At: at})
	}

	t.Run("lets a held order go on", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, held).place()
		require.Equal(t, "customer", o.orderState().Held)
		require.NoError(t, approve(o, o.id))
		require.Empty(t, o.orderState().Held)
		require.Equal(t, "ann", o.orderState().ApprovedBy)
	})
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, held).place()
		require.NoError(t, approve(o, o.id))
		o.requireUnchanged(func() { require.NoError(t, approve(o, o.id)) })
	})
	t.Run("refuses another reviewer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, held).place()
		require.NoError(t, approve(o, o.id))
		o.requireUnchanged(func() {
			err := errorOf(o, o.ApproveOrder, activities.ApproveOrder{OrderID: o.id, By: "bob", At: at})
			requireRefused(t, order.CodeAlreadyReviewed, err)
		})
	})
	t.Run("refuses an order that is not held", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.requireUnchanged(func() { requireRefused(t, order.CodeNotHeld, approve(o, o.id)) })
	})
	t.Run("refuses a held order that was cancelled", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, held).place()
		require.NoError(t, o.cancel())
		o.requireUnchanged(func() { requireRefused(t, order.CodeNotHeld, approve(o, o.id)) })
	})
	t.Run("refuses an order that does not exist", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		requireRefused(t, domain.CodeNotFound, approve(o, uuid.New()))
	})
}
