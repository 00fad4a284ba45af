package activities_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestReturnGoods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	returnGoods := func(o *testOrder, change ...func(*activities.ReturnGoods)) (activities.GoodsReturned, error) {
		in := activities.ReturnGoods{
			OrderID: o.id, ReturnID: o.shipment("return"), Reason: "too_small", At: at,
			Lines: []order.ReturnLine{{SKU: o.a, Quantity: 1, Restock: true}, {SKU: o.b, Quantity: 1}},
		}
		for _, c := range change {
			c(&in)
		}
		return run(o.as("return-"+in.ReturnID.String()), o.ReturnGoods, in)
	}

	t.Run("takes back into the stock what can be sold again", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		out, err := returnGoods(o)
		require.NoError(t, err)
		require.Equal(t, "30.00", out.Amount.Text())
		require.Equal(t, 4, o.stock(o.a, "berlin").OnHand)
		require.Equal(t, 3, o.stock(o.b, "reno").OnHand, "written off")
	})
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		first, err := returnGoods(o)
		require.NoError(t, err)
		o.requireUnchanged(func() {
			again, err := returnGoods(o)
			require.NoError(t, err)
			first.Replayed = true
			require.Equal(t, first, again)
		})
	})
	t.Run("serves the orders that wait for the goods", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		waits := o.as("order-of-another")
		waits.id = uuid.New()
		in := reserveInput(waits, 4)
		in.Backorder = true
		_, err := run(waits, o.ReserveStock, in)
		require.NoError(t, err)
		out, err := returnGoods(o)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{waits.id}, out.Served.Orders)
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			stage  func(*testOrder) *testOrder
			change func(*activities.ReturnGoods)
			code   domain.ErrorCode
		}{
			"an order that does not exist":    {(*testOrder).place, func(in *activities.ReturnGoods) { in.OrderID = uuid.New() }, domain.CodeNotFound},
			"an order that is not delivered":  {(*testOrder).dispatched, func(*activities.ReturnGoods) {}, order.CodeNotReturnable},
			"goods that come back too late":   {(*testOrder).delivered, func(in *activities.ReturnGoods) { in.At = at.Add(31 * 24 * time.Hour) }, order.CodeReturnWindowClosed},
			"more pieces than were delivered": {(*testOrder).delivered, func(in *activities.ReturnGoods) { in.Lines[0].Quantity = 3 }, domain.CodeInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := c.stage(b.order(t))
				o.requireUnchanged(func() {
					_, err := returnGoods(o, c.change)
					requireRefused(t, c.code, err)
				})
			})
		}
	})
}
