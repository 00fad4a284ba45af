package activities_test

import (
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/stretchr/testify/require"
)

func TestMarkOverdue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mark := func(o *testOrder) error {
		return runForEffect(o, o.MarkOverdue, activities.MarkOverdue{OrderID: o.id, DeadlineAt: at})
	}

	t.Run("marks an order of which no shipment has left", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, mark(o))
		require.True(t, o.orderState().Overdue)
	})
	// region once
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, mark(o))
		o.requireUnchanged(func() { require.NoError(t, mark(o)) })
	})
	// endregion
	t.Run("leaves an order alone that has left meanwhile", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.requireUnchanged(func() { require.NoError(t, mark(o)) })
	})
}
