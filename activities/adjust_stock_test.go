package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/stretchr/testify/require"
)

func TestAdjustStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	adjust := func(o *testOrder, delta int, change ...func(*activities.AdjustStock)) (activities.StockChanged, error) {
		in := activities.AdjustStock{AdjustmentID: o.id, SKU: o.a, Location: "berlin", Delta: delta, Reason: "count", At: at}
		for _, c := range change {
			c(&in)
		}
		return run(o.as("stock-adjustment-"+in.AdjustmentID.String()), o.AdjustStock, in)
	}

	t.Run("corrects what is on hand, once for each adjustment", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		_, err := adjust(o, -2)
		require.NoError(t, err)
		require.Equal(t, 3, o.stock(o.a, "berlin").OnHand)
		o.requireUnchanged(func() {
			_, err := adjust(o, -2)
			require.NoError(t, err)
		})
	})
	t.Run("serves the orders that wait when goods are found", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := reserveInput(o, 6)
		in.Backorder = true
		_, err := run(o, o.ReserveStock, in)
		require.NoError(t, err)
		served, err := adjust(o, 1)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{o.id}, served.Orders)
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			delta  int
			change func(*activities.AdjustStock)
			code   domain.ErrorCode
		}{
			"to take away what is reserved": {-4, func(*activities.AdjustStock) {}, inventory.CodeInsufficientStock},
			"no delta":                      {0, func(*activities.AdjustStock) {}, domain.CodeInvalid},
			"no reason":                     {1, func(in *activities.AdjustStock) { in.Reason = " " }, domain.CodeInvalid},
			"an unknown location":           {1, func(in *activities.AdjustStock) { in.Location = "atlantis" }, location.CodeUnknownLocation},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).place()
				o.requireUnchanged(func() {
					_, err := adjust(o, c.delta, c.change)
					requireRefused(t, c.code, err)
				})
			})
		}
	})
}
