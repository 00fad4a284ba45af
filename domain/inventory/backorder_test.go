package inventory_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// queued is a queue in which orders wait for these quantities, in this order.
func queued(t require.TestingT, quantities ...int) (queue inventory.Stock, orders []uuid.UUID) {
	for i, n := range quantities {
		orders = append(orders, domain.DerivedID(uuid.Nil, fmt.Sprint(i)))
		events, err := inventory.Wait(queue, inventory.BackorderStock{SKU: sku, OrderID: orders[i], Quantity: n, ShipToCountry: "DE", At: at})
		require.NoError(t, err)
		queue = apply(queue, events)
	}
	return queue, orders
}

// shelves are stock items by their location.
func shelves(t require.TestingT, pieces map[string]int) func(string) inventory.Stock {
	items := map[string]inventory.Stock{}
	for location, n := range pieces {
		events, err := inventory.Receive(inventory.Stock{}, inventory.ReceiveStock{SKU: sku, Location: location, ReceiptID: uuid.New(), Quantity: n, At: at})
		require.NoError(t, err)
		items[location] = apply(inventory.Stock{}, events)
	}
	return func(location string) inventory.Stock { return items[location] }
}

func TestBackordersAreServedInTurn(t *testing.T) {
	t.Parallel()
	queue, orders := queued(t, 5, 1, 3)
	served, more := inventory.Serve(queue, locations, shelves(t, map[string]int{"reno": 4}), inventory.NearestFirst{}, at)
	require.Empty(t, served, "the second would fit, but the first is not overtaken")
	require.False(t, more)

	served, more = inventory.Serve(queue, locations, shelves(t, map[string]int{"reno": 4, "berlin": 2}), inventory.NearestFirst{}, at)
	require.False(t, more)
	require.Equal(t, []inventory.BackorderServed{
		{SKU: sku, OrderID: orders[0], ServedAt: at, Allocations: []inventory.Allocation{
			{SKU: sku, Location: "berlin", Quantity: 2}, {SKU: sku, Location: "reno", Quantity: 3},
		}},
		{SKU: sku, OrderID: orders[1], ServedAt: at, Allocations: []inventory.Allocation{{SKU: sku, Location: "reno", Quantity: 1}}},
	}, served, "as new orders would be, by pieces of several locations")
	require.Equal(t, []inventory.StockReserved{
		{SKU: sku, Location: "berlin", OrderID: orders[0], Quantity: 2, ReservedAt: at},
		{SKU: sku, Location: "reno", OrderID: orders[0], Quantity: 3, ReservedAt: at},
	}, served[0].Reservations())
	for _, b := range served {
		queue = inventory.Evolve(queue, b)
	}
	require.True(t, queue.Waits(orders[2]))
	queue = apply(queue, inventory.Release(queue, inventory.ReleaseStock{SKU: sku, OrderID: orders[2], At: at}))
	require.False(t, queue.Waits(orders[2]), "who is cancelled waits no more")
	_, err := inventory.Wait(queue, inventory.BackorderStock{SKU: sku, OrderID: orders[2], Quantity: 1, At: at})
	require.EqualValues(t, "reservation_closed", domain.Code(err))
}

func TestALocationThatIsNotActiveServesNobody(t *testing.T) {
	t.Parallel()
	queue, _ := queued(t, 1)
	served, _ := inventory.Serve(queue, locations[1:], shelves(t, map[string]int{"berlin": 9}), inventory.NearestFirst{}, at)
	require.Empty(t, served)
}

func TestManyAreServedInSeveralSteps(t *testing.T) {
	t.Parallel()
	quantities := make([]int, inventory.ServedMax+1)
	for i := range quantities {
		quantities[i] = 1
	}
	queue, orders := queued(t, quantities...)
	served, more := inventory.Serve(queue, locations, shelves(t, map[string]int{"berlin": 1000}), inventory.NearestFirst{}, at)
	require.Len(t, served, inventory.ServedMax)
	require.True(t, more)
	for _, b := range served {
		queue = inventory.Evolve(queue, b)
	}
	require.Equal(t, []inventory.Backorder{{OrderID: orders[inventory.ServedMax], Quantity: 1, ShipToCountry: "DE"}}, queue.Backorders)
}

// greedy promises what is not there.
type greedy struct{ inventory.Allocation }

func (g greedy) Allocate([]inventory.Line, []inventory.Location, func(string, string) int, string, bool) ([]inventory.Allocation, error) {
	return []inventory.Allocation{g.Allocation}, nil
}

func TestAnAllocatorThatPromisesTooMuchServesNobody(t *testing.T) {
	t.Parallel()
	queue, _ := queued(t, 2)
	for name, a := range map[string]inventory.Allocation{
		"more than is there":   {SKU: sku, Location: "reno", Quantity: 2},
		"fewer than are asked": {SKU: sku, Location: "berlin", Quantity: 1},
		"none that is there":   {SKU: sku, Quantity: 2, Backordered: true},
	} {
		t.Run(name, func(t *testing.T) {
			served, _ := inventory.Serve(queue, locations, shelves(t, map[string]int{"berlin": 9, "reno": 1}), greedy{a}, at)
			require.Empty(t, served)
		})
	}
}

// Whoever waits is served from the oldest on, all that can be, and no more than is there.
func TestServeKeepsTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		queue, orders := queued(t, rapid.SliceOfN(rapid.IntRange(1, 6), 0, 6).Draw(t, "queue")...)
		pieces, left := map[string]int{}, 0
		for _, l := range locations {
			pieces[l.ID] = rapid.IntRange(1, 6).Draw(t, l.ID)
			left += pieces[l.ID]
		}
		served, _ := inventory.Serve(queue, locations, shelves(t, pieces), inventory.NearestFirst{}, at)
		for i, b := range served {
			require.Equal(t, orders[i], b.OrderID, "nobody is overtaken")
			wanted := queue.Backorders[i].Quantity
			for _, a := range b.Allocations {
				pieces[a.Location] -= a.Quantity
				require.GreaterOrEqual(t, pieces[a.Location], 0)
				wanted -= a.Quantity
			}
			require.Zero(t, wanted)
			left -= queue.Backorders[i].Quantity
		}
		if len(served) < len(orders) {
			require.Greater(t, queue.Backorders[len(served)].Quantity, left, "nobody is left beside enough goods")
		}
	})
}
