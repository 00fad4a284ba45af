package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestConfirmOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	input := func(o *testOrder) activities.ConfirmOrder {
		return activities.ConfirmOrder{OrderID: o.id, Allocations: o.allocation, At: at}
	}

	t.Run("plans one shipment a location", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		confirmed, err := run(o, o.ConfirmOrder, input(o))
		require.NoError(t, err)
		require.Len(t, confirmed.Shipments, 2)
		require.Equal(t, o.shipment("berlin"), confirmed.Shipments[0].ShipmentID)
		require.Equal(t, "20.00", confirmed.Shipments[0].Amount.Text())
		require.Equal(t, "40.00", confirmed.Shipments[1].Amount.Text())
		require.Equal(t, order.StatusConfirmed, o.orderState().Status)
	})
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		first, err := run(o, o.ConfirmOrder, input(o))
		require.NoError(t, err)
		o.requireUnchanged(func() {
			again, err := run(o, o.ConfirmOrder, input(o))
			require.NoError(t, err)
			require.Equal(t, first, again)
		})
	})
	t.Run("tells how an order stands that has gone further", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		o.requireUnchanged(func() {
			confirmed, err := run(o, o.ConfirmOrder, input(o))
			require.NoError(t, err)
			require.Equal(t, activities.Confirmed{Shipments: o.orderState().Shipments, Status: order.StatusShipped}, confirmed)
		})
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			prepare func(*testOrder, *activities.ConfirmOrder)
			code    domain.ErrorCode
		}{
			"an order that does not exist": {func(_ *testOrder, in *activities.ConfirmOrder) { in.OrderID = uuid.New() }, domain.CodeNotFound},
			"a cancelled order":            {func(o *testOrder, _ *activities.ConfirmOrder) { require.NoError(o.t, o.cancel()) }, order.CodeNotConfirmable},
			"shipments that lack goods": {func(_ *testOrder, in *activities.ConfirmOrder) {
				in.Allocations = in.Allocations[:1]
			}, order.CodeNotConfirmable},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).place()
				in := input(o)
				c.prepare(o, &in)
				o.requireUnchanged(func() {
					_, err := run(o, o.ConfirmOrder, in)
					requireRefused(t, c.code, err)
				})
			})
		}
	})
}
