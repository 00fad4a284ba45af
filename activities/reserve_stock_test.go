package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
)

func reserveInput(o *testOrder, quantity int) activities.ReserveStock {
	return activities.ReserveStock{OrderID: o.id, Lines: []inventory.Line{{SKU: o.a, Quantity: quantity}}, ShipToCountry: "DE", At: at}
}

func TestReserveStock(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("reserves all lines, once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := reserveInput(o, 2)
		in.Lines = o.lines()
		want := activities.Reserved{Allocations: []inventory.Allocation{
			{SKU: o.a, Location: "berlin", Quantity: 2}, {SKU: o.b, Location: "reno", Quantity: 2},
		}}
		reserved, err := run(o, o.ReserveStock, in)
		require.NoError(t, err)
		require.Equal(t, want, reserved)
		require.Equal(t, 2, o.stock(o.a, "berlin").Reserved)
		o.requireUnchanged(func() {
			reserved, err := run(o, o.ReserveStock, in)
			require.NoError(t, err)
			require.Equal(t, want, reserved)
		})
	})
	t.Run("reserves no line when one is short", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := reserveInput(o, 2)
		in.Lines = append(in.Lines, inventory.Line{SKU: o.b, Quantity: 6})
		o.requireUnchanged(func() {
			_, err := run(o, o.ReserveStock, in)
			requireRefused(t, inventory.CodeOutOfStock, err)
		})
	})
	t.Run("sets nothing aside for an order that is cancelled, in no location", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		require.NoError(t, o.cancel())
		_, err := run(o, o.ReleaseStock, releaseInput(o))
		require.NoError(t, err)
		o.receive(o.a, "reno", 5)
		another := reserveInput(o, 5)
		another.OrderID = uuid.New()
		_, err = run(o.as("inventory-"+another.OrderID.String()), o.ReserveStock, another)
		require.NoError(t, err)
		_, err = run(o.as("inventory-"+o.id.String()), o.ReserveStock, reserveInput(o, 2))
		requireRefused(t, inventory.CodeReservationClosed, err)
		require.Zero(t, o.stock(o.a, "reno").Reserved)
	})
	t.Run("waits for what is short where backorders are allowed", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := reserveInput(o, 7)
		in.Backorder = true
		for range 2 {
			reserved, err := run(o, o.ReserveStock, in)
			require.NoError(t, err)
			require.True(t, reserved.Waiting)
			require.Equal(t, []inventory.Allocation{{SKU: o.a, Quantity: 7, Backordered: true}}, reserved.Allocations)
		}
		o.receive(o.a, "berlin", 2)
		reserved, err := run(o, o.ReserveStock, in)
		require.NoError(t, err)
		require.False(t, reserved.Waiting, "the receipt has served it")
	})
	t.Run("refuses an order whose reservation was released", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		_, err := run(o, o.ReserveStock, reserveInput(o, 2))
		require.NoError(t, err)
		_, err = run(o, o.ReleaseStock, releaseInput(o))
		require.NoError(t, err)
		o.requireUnchanged(func() {
			_, err := run(o, o.ReserveStock, reserveInput(o, 2))
			requireRefused(t, inventory.CodeReservationClosed, err)
		})
	})
	t.Run("asks the allocator that it was given", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, func(options *activities.Options) { options.Allocator = farthest{} })
		o.receive(o.a, "reno", 5)
		reserved, err := run(o, o.ReserveStock, reserveInput(o, 2))
		require.NoError(t, err)
		require.Equal(t, "reno", reserved.Allocations[0].Location)
	})
}

// farthest takes goods from the last of the locations.
type farthest struct{}

func (farthest) Allocate(
	lines []inventory.Line, locations []inventory.Location, available func(sku, location string) int, country string, backorder bool,
) ([]inventory.Allocation, error) {
	return inventory.Allocate(lines, locations[len(locations)-1:], available, country, backorder)
}
