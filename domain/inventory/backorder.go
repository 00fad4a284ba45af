package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// BackorderStock asks to wait for goods that are not there yet.
type BackorderStock struct {
	SKU      string
	Location string
	OrderID  uuid.UUID
	Quantity int
	At       time.Time
}

// Wait puts an order into the queue for goods. It returns no events when the order waits or has its
// goods already. Errors: reservation_closed; invalid.
func Wait(s Stock, c BackorderStock) ([]domain.Event, error) {
	if _, ok := s.Reservations[c.OrderID]; ok || s.Waits(c.OrderID) {
		return nil, nil
	}
	switch {
	case s.Closed.Has(c.OrderID):
		return nil, closed(c.OrderID, c.SKU, c.Location)
	case c.Quantity < 1:
		return nil, domain.Invalid("quantity", "must be at least 1, got %d", c.Quantity)
	}
	return []domain.Event{StockBackordered{
		SKU: c.SKU, Location: c.Location, OrderID: c.OrderID, Quantity: c.Quantity, BackorderedAt: c.At,
	}}, nil
}

// Holds reports whether goods of this stock item are set aside for the order, or it waits for some.
func (s Stock) Holds(order uuid.UUID) bool {
	_, reserved := s.Reservations[order]
	return reserved || s.Waits(order)
}

// Waits reports whether the order waits for goods of this stock item.
func (s Stock) Waits(order uuid.UUID) bool {
	for _, b := range s.Backorders {
		if b.OrderID == order {
			return true
		}
	}
	return false
}

// Serve reserves what is available for those who wait, first come first served. A backorder that can't be served
// whole holds up those behind it, so that a large one is not overtaken for ever.
func Serve(s Stock, at time.Time) []domain.Event {
	var events []domain.Event
	available := s.unreserved()
	for _, b := range s.Backorders {
		if b.Quantity > available {
			break
		}
		available -= b.Quantity
		events = append(events, StockReserved{SKU: s.SKU, Location: s.Location, OrderID: b.OrderID, Quantity: b.Quantity, ReservedAt: at})
	}
	return events
}
