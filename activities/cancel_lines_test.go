package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestCancelLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cancelLines := func(o *testOrder, change ...func(*activities.CancelLines)) (activities.LinesCancelled, error) {
		in := activities.CancelLines{
			OrderID: o.id, RequestID: o.shipment("request"), Lines: []order.LineQuantity{{SKU: o.a, Quantity: 1}}, Reason: "too_many",
			By: order.ByCustomer, At: at,
		}
		for _, c := range change {
			c(&in)
		}
		return run(o, o.CancelLines, in)
	}

	t.Run("takes pieces out of the order and frees their stock", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		out, err := cancelLines(o)
		require.NoError(t, err)
		require.Equal(t, order.StatusConfirmed, out.Status)
		require.Equal(t, "10.00", out.Shipments[0].Amount.Text())
		require.Equal(t, 4, o.stock(o.a, "berlin").Available())
		require.Equal(t, "50.00", o.orderState().Total.Text())
	})
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		first, err := cancelLines(o)
		require.NoError(t, err)
		o.requireUnchanged(func() {
			again, err := cancelLines(o)
			require.NoError(t, err)
			first.Replayed = true
			require.Equal(t, first, again)
		})
	})
	t.Run("ends an order that waited for nothing else", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("reno")))
		_, err := run(o, o.DeliverShipment, o.endInput("reno"))
		require.NoError(t, err)
		out, err := cancelLines(o, func(in *activities.CancelLines) { in.Lines[0].Quantity = 2 })
		require.NoError(t, err)
		require.Equal(t, order.StatusDelivered, out.Status)
	})
	t.Run("serves the orders that wait for the goods", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		waits := o.as("order-of-another")
		waits.id = uuid.New()
		in := reserveInput(waits, 4)
		in.Backorder = true
		_, err := run(waits, o.ReserveStock, in)
		require.NoError(t, err)
		out, err := cancelLines(o)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{waits.id}, out.Served.Orders)
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			prepare func(*testOrder)
			change  func(*testOrder, *activities.CancelLines)
			code    domain.ErrorCode
		}{
			"an order that does not exist": {change: func(_ *testOrder, in *activities.CancelLines) { in.OrderID = uuid.New() }, code: domain.CodeNotFound},
			"another request under the same id": {
				prepare: func(o *testOrder) {
					_, err := cancelLines(o)
					require.NoError(o.t, err)
				},
				change: func(_ *testOrder, in *activities.CancelLines) { in.Reason = "damaged" }, code: domain.CodeIdempotencyKeyReused,
			},
			"a cancelled order":          {prepare: func(o *testOrder) { require.NoError(o.t, o.cancel()) }, code: order.CodeNotCancellable},
			"more pieces than there are": {change: func(_ *testOrder, in *activities.CancelLines) { in.Lines[0].Quantity = 3 }, code: domain.CodeInvalid},
			"all of the order": {change: func(o *testOrder, in *activities.CancelLines) {
				in.Lines = []order.LineQuantity{{SKU: o.a, Quantity: 2}, {SKU: o.b, Quantity: 2}}
			}, code: order.CodeNothingLeft},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).confirmed()
				if c.prepare != nil {
					c.prepare(o)
				}
				o.requireUnchanged(func() {
					_, err := cancelLines(o, func(in *activities.CancelLines) {
						if c.change != nil {
							c.change(o, in)
						}
					})
					requireRefused(t, c.code, err)
				})
			})
		}
	})
}
