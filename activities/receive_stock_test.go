package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/stretchr/testify/require"
)

func TestReceiveStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	receive := func(o *testOrder, change ...func(*activities.ReceiveStock)) (activities.StockChanged, error) {
		in := activities.ReceiveStock{ReceiptID: o.id, SKU: o.a, Location: "berlin", Quantity: 3, At: at}
		for _, c := range change {
			c(&in)
		}
		return run(o.as("stock-receipt-"+in.ReceiptID.String()), o.ReceiveStock, in)
	}

	t.Run("puts goods on hand, once for each receipt", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		_, err := receive(o)
		require.NoError(t, err)
		require.Equal(t, 8, o.stock(o.a, "berlin").OnHand)
		o.requireUnchanged(func() {
			_, err := receive(o)
			require.NoError(t, err)
		})
	})
	// It fails when a receipt is known to its own stock item alone (stock.go, changeStockItem).
	t.Run("refuses the id of a receipt of other stock", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		_, err := receive(o)
		require.NoError(t, err)
		for _, other := range []func(*activities.ReceiveStock){
			func(in *activities.ReceiveStock) { in.SKU = o.b }, func(in *activities.ReceiveStock) { in.Location = "reno" },
		} {
			o.requireUnchanged(func() {
				_, err := receive(o, other)
				requireRefused(t, domain.CodeIdempotencyKeyReused, err)
			})
		}
	})
	t.Run("serves the orders that wait for the goods", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := reserveInput(o, 8)
		in.Backorder = true
		_, err := run(o, o.ReserveStock, in)
		require.NoError(t, err)
		served, err := receive(o)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{o.id}, served.Orders)
		require.Zero(t, o.stock(o.a, "berlin").Available())
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			change func(*activities.ReceiveStock)
			code   domain.ErrorCode
		}{
			"an unknown location": {func(in *activities.ReceiveStock) { in.Location = "atlantis" }, location.CodeUnknownLocation},
			"no pieces":           {func(in *activities.ReceiveStock) { in.Quantity = 0 }, domain.CodeInvalid},
			"no SKU":              {func(in *activities.ReceiveStock) { in.SKU = "" }, domain.CodeInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t)
				o.requireUnchanged(func() {
					_, err := receive(o, c.change)
					requireRefused(t, c.code, err)
				})
			})
		}
	})
}
