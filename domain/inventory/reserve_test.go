package inventory_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
)

// A step that timed out may still arrive after it was undone: the fence keeps it out.
func TestLateReservationMeetsTheFence(t *testing.T) {
	t.Parallel()
	s, order := received(t, 10), uuid.New()
	reserve := inventory.ReserveStock{SKU: sku, Location: location, OrderID: order, Quantity: 1, At: at}
	release := inventory.ReleaseStock{SKU: sku, Location: location, OrderID: order, Reason: "order_cancelled", At: at}
	require.Empty(t, inventory.Release(s, release), "nothing to free, and no attempt under way")
	release.Fence = true
	s = apply(s, inventory.Release(s, release))
	_, err := inventory.Reserve(s, reserve)
	require.EqualValues(t, "reservation_closed", domain.Code(err))
	require.Equal(t, 10, s.Available())
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	t.Parallel()
	s := received(t, 10)
	var first uuid.UUID
	for i := range inventory.ClosedMax + 10 {
		order := uuid.New()
		if i == 0 {
			first = order
		}
		s = apply(s, inventory.Release(s, inventory.ReleaseStock{SKU: sku, Location: location, OrderID: order, Fence: true, At: at}))
		if i == inventory.ClosedMax-2 {
			require.True(t, s.Closed.Has(first))
		}
	}
	require.False(t, s.Closed.Has(first))
	require.Equal(t, inventory.ClosedMax, s.Closed.Len())
}

func Example() {
	order := uuid.MustParse("6b3f1f04-52a9-5c7e-9d0a-3f2f0a1b2c3d")
	var s inventory.Stock
	s = inventory.Evolve(s, inventory.StockReceived{SKU: "MUG-1", Location: "berlin", ReceiptID: uuid.New(), Quantity: 3})

	events, err := inventory.Reserve(s, inventory.ReserveStock{SKU: "MUG-1", Location: "berlin", OrderID: order, Quantity: 2})
	for _, e := range events {
		s = inventory.Evolve(s, e)
	}
	fmt.Println(s.Available(), err)

	_, err = inventory.Reserve(s, inventory.ReserveStock{SKU: "MUG-1", Location: "berlin", OrderID: uuid.New(), Quantity: 2})
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// insufficient_stock: 1 of MUG-1 are available at berlin, asked for 2
}
