package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// QueueID returns the id of the queue of a SKU: the stock item without a location. It holds the orders that wait for
// the SKU, and no goods.
//
// One queue stands for all locations, so an order waits for goods of any of them.
func QueueID(sku string) uuid.UUID { return ID(sku, "") }

// BackorderStock asks to wait for goods that are not there yet.
type BackorderStock struct {
	SKU           string
	OrderID       uuid.UUID
	Quantity      int
	ShipToCountry string
	At            time.Time
}

// Wait puts an order into the queue of a SKU. It returns no events when the order waits already. Errors:
// reservation_closed; invalid.
func Wait(queue Stock, c BackorderStock) ([]domain.Event, error) {
	if queue.Waits(c.OrderID) {
		return nil, nil
	}
	switch {
	case queue.Closed.Has(c.OrderID):
		return nil, closed(c.OrderID, c.SKU, "any location")
	case c.Quantity < 1:
		return nil, domain.Invalid("quantity", "must be at least 1, got %d", c.Quantity)
	}
	return []domain.Event{StockBackordered{
		SKU: c.SKU, OrderID: c.OrderID, Quantity: c.Quantity, ShipToCountry: c.ShipToCountry, BackorderedAt: c.At,
	}}, nil
}

// Holds reports whether goods of this stock item are set aside for the order, or it waits for some.
func (s Stock) Holds(order uuid.UUID) bool {
	_, reserved := s.Reservations[order]
	return reserved || s.Waits(order)
}

// Waits reports whether the order waits in this queue.
func (s Stock) Waits(order uuid.UUID) bool {
	for _, b := range s.Backorders {
		if b.OrderID == order {
			return true
		}
	}
	return false
}

// ServedMax is how many orders [Serve] serves at once. Who calls it calls it again while there are more.
const ServedMax = 100

// Serve reserves what is available for the orders of a queue, in the order in which they began to wait.
//
// Each gets its goods as a new order would: from where the allocator says, and all of them or none. One that can't be
// served holds up those behind it, so that a large one is not overtaken for ever.
//
// Item returns the stock item at a location. More reports that [ServedMax] orders were served and others still wait.
func Serve(
	queue Stock, locations []Location, item func(location string) Stock, allocator Allocator, at time.Time,
) (served []BackorderServed, more bool) {
	taken := map[string]int{}
	available := func(_, location string) int { return item(location).Available() - taken[location] }
	for i, b := range queue.Backorders {
		if i == ServedMax {
			return served, true
		}
		allocations, err := allocator.Allocate([]Line{{SKU: queue.SKU, Quantity: b.Quantity}}, locations, available, b.ShipToCountry, false)
		if err != nil || !covers(allocations, b.Quantity, available) {
			break
		}
		for _, a := range allocations {
			taken[a.Location] += a.Quantity
		}
		served = append(served, BackorderServed{SKU: queue.SKU, OrderID: b.OrderID, Allocations: allocations, ServedAt: at})
	}
	return served, false
}

// Reservations returns the reservation at each stock item that serves the backorder.
func (e BackorderServed) Reservations() []StockReserved {
	reserved := make([]StockReserved, len(e.Allocations))
	for i, a := range e.Allocations {
		reserved[i] = StockReserved{SKU: e.SKU, Location: a.Location, OrderID: e.OrderID, Quantity: a.Quantity, ReservedAt: e.ServedAt}
	}
	return reserved
}

// covers reports whether allocations, of whatever allocator, are what was asked for and is there.
func covers(allocations []Allocation, quantity int, available func(sku, location string) int) bool {
	seen := map[string]bool{}
	for _, a := range allocations {
		if a.Backordered || seen[a.Location] || a.Quantity < 1 || a.Quantity > available(a.SKU, a.Location) {
			return false
		}
		seen[a.Location] = true
		quantity -= a.Quantity
	}
	return quantity == 0
}
