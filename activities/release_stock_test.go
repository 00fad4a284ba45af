package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
)

func releaseInput(o *testOrder) activities.ReleaseStock {
	return activities.ReleaseStock{OrderID: o.id, Lines: o.lines(), Reason: "order_cancelled", At: at}
}

func TestReleaseStock(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("frees what is reserved, once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		_, err := run(o, o.ReleaseStock, releaseInput(o))
		require.NoError(t, err)
		require.Equal(t, 5, o.stock(o.a, "berlin").Available())
		require.Equal(t, 5, o.stock(o.b, "reno").Available())
		o.requireUnchanged(func() {
			_, err := run(o, o.ReleaseStock, releaseInput(o))
			require.NoError(t, err)
		})
	})
	t.Run("does nothing when nothing is reserved", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		o.requireUnchanged(func() {
			_, err := run(o, o.ReleaseStock, releaseInput(o))
			require.NoError(t, err)
		})
	})
	t.Run("fences off an attempt to reserve that comes later", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := releaseInput(o)
		in.Fence = true
		_, err := run(o, o.ReleaseStock, in)
		require.NoError(t, err)
		_, err = run(o, o.ReserveStock, reserveInput(o, 1))
		requireRefused(t, inventory.CodeReservationClosed, err)
	})
	t.Run("frees nothing of an order that has its goods, where that is asked for", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		in := releaseInput(o)
		in.Waiting, in.Fence = true, true
		o.requireUnchanged(func() {
			_, err := run(o, o.ReleaseStock, in)
			require.NoError(t, err)
		})
		waits := o.as("order-that-waits")
		waits.id = uuid.New()
		reserve := reserveInput(waits, 50)
		reserve.Backorder = true
		reserved, err := run(waits, o.ReserveStock, reserve)
		require.NoError(t, err)
		require.True(t, reserved.Waiting)
		in.OrderID = waits.id
		_, err = run(waits, o.ReleaseStock, in)
		require.NoError(t, err)
		_, err = run(waits, o.ReserveStock, reserve)
		requireRefused(t, inventory.CodeReservationClosed, err)
	})
	t.Run("serves the orders that wait for the goods", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		waits := o.as("order-of-another")
		waits.id = uuid.New()
		in := reserveInput(waits, 5)
		in.Backorder = true
		reserved, err := run(waits, o.ReserveStock, in)
		require.NoError(t, err)
		require.True(t, reserved.Waiting)
		served, err := run(o, o.ReleaseStock, releaseInput(o))
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{waits.id}, served.Orders)
		require.Equal(t, 5, o.stock(o.a, "berlin").Reservations[waits.id])
	})
}
