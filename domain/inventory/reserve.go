package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Refusals.
const (
	// CodeInsufficientStock refuses to reserve, or to take away, more than is available.
	CodeInsufficientStock domain.ErrorCode = "insufficient_stock"
	// CodeReservationClosed refuses a reservation that was committed or released before.
	CodeReservationClosed domain.ErrorCode = "reservation_closed"
	// CodeReservationNotFound refuses to use up or free a reservation that is not there, or is smaller.
	CodeReservationNotFound domain.ErrorCode = "reservation_not_found"
)

// ReserveStock asks to reserve goods for an order.
type ReserveStock struct {
	SKU      string
	Location string
	OrderID  uuid.UUID
	Quantity int
	At       time.Time
}

// Reserve keeps goods for an order. It returns no events when the order has its reservation here already.
//
// Errors: insufficient_stock; reservation_closed when the order's reservation was committed or
// released before.
func Reserve(s Stock, c ReserveStock) ([]domain.Event, error) {
	if _, ok := s.Reservations[c.OrderID]; ok {
		return nil, nil
	}
	return reserve(s, c)
}

// Extend keeps more goods for an order, whether it has some here or not. The caller knows a request that comes again.
//
// Errors: insufficient_stock; reservation_closed when the order's reservation was committed or released before.
func Extend(s Stock, c ReserveStock) ([]domain.Event, error) {
	return reserve(s, c)
}

func reserve(s Stock, c ReserveStock) ([]domain.Event, error) {
	switch {
	case s.Closed.Has(c.OrderID):
		return nil, closed(c.OrderID, c.SKU, c.Location)
	case c.Quantity < 1:
		return nil, domain.Invalid("quantity", "must be at least 1, got %d", c.Quantity)
	case c.Quantity > s.Available():
		return nil, domain.Refuse(CodeInsufficientStock, "%d of %s are available at %s, asked for %d",
			s.Available(), c.SKU, c.Location, c.Quantity)
	}
	return []domain.Event{StockReserved{SKU: c.SKU, Location: c.Location, OrderID: c.OrderID, Quantity: c.Quantity, ReservedAt: c.At}}, nil
}

func closed(orderID uuid.UUID, sku, location string) error {
	return domain.Refuse(CodeReservationClosed, "the reservation of order %s for %s at %s is closed", orderID, sku, location)
}

// ReleaseStock asks to free an order's goods.
type ReleaseStock struct {
	SKU      string
	Location string
	OrderID  uuid.UUID
	Reason   string
	// Fence closes also a reservation that is not there, for when an attempt to make it may still be
	// under way.
	Fence bool
	At    time.Time
}

// Release frees an order's goods, or ends its waiting for them, and closes its reservation. It returns
// no events when there is nothing to free, or the reservation is closed.
func Release(s Stock, c ReleaseStock) []domain.Event {
	quantity, ok := s.Reservations[c.OrderID]
	if s.Closed.Has(c.OrderID) || !ok && !c.Fence && !s.Waits(c.OrderID) {
		return nil
	}
	return []domain.Event{StockReleased{
		SKU: c.SKU, Location: c.Location, OrderID: c.OrderID, Quantity: quantity, Reason: c.Reason, ReleasedAt: c.At,
	}}
}

// CommitStock reports that an order's goods have left.
type CommitStock struct {
	SKU      string
	Location string
	OrderID  uuid.UUID
	At       time.Time
}

// Commit takes an order's goods off the stock and closes its reservation. It returns no events when
// the reservation is closed. Errors: reservation_not_found.
func Commit(s Stock, c CommitStock) ([]domain.Event, error) {
	quantity, ok := s.Reservations[c.OrderID]
	switch {
	case ok:
		return []domain.Event{StockCommitted{SKU: c.SKU, Location: c.Location, OrderID: c.OrderID, Quantity: quantity, CommittedAt: c.At}}, nil
	case s.Closed.Has(c.OrderID):
		return nil, nil
	}
	return nil, domain.Refuse(CodeReservationNotFound, "order %s has nothing reserved of %s at %s", c.OrderID, c.SKU, c.Location)
}
