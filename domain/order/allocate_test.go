package order_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestAnOrderKnowsWhereItsGoodsAre(t *testing.T) {
	t.Parallel()
	id, now := uuid.New(), time.Now()
	waiting := []inventory.Allocation{{SKU: "A", Quantity: 2, Backordered: true}, {SKU: "B", Location: "reno", Quantity: 1}}
	served := []inventory.Allocation{{SKU: "A", Location: "berlin", Quantity: 2}, {SKU: "B", Location: "reno", Quantity: 1}}
	require.Empty(t, order.Allocate(order.Order{}, waiting, now), "an order that was never placed")

	o := order.Evolve(order.Order{}, order.OrderPlaced{OrderID: id})
	require.Empty(t, o.StockLocations())
	events := order.Allocate(o, waiting, now)
	require.Equal(t, []domain.Event{order.StockAllocated{OrderID: id, Allocations: waiting, AllocatedAt: now}}, events)
	o = order.Evolve(o, events[0])
	require.Empty(t, order.Allocate(o, waiting, now), "it knows")
	require.Equal(t, []string{"reno"}, o.StockLocations(), "what is waited for lies nowhere yet")

	o = order.Evolve(o, order.Allocate(o, served, now)[0])
	require.Equal(t, served, o.Allocations, "the goods have come")
	o = order.Evolve(o, order.OrderConfirmed{OrderID: id, Shipments: []order.Shipment{{Location: "berlin"}, {Location: "reno"}}})
	require.Equal(t, []string{"berlin", "reno"}, o.StockLocations())
}
