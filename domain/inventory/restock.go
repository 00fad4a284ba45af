package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// ReturnStock reports an order's goods that came back.
type ReturnStock struct {
	SKU      string
	Location string
	OrderID  uuid.UUID
	ReturnID uuid.UUID
	Quantity int
	At       time.Time
}

// Restock takes goods back that can be sold again. It returns no events for a return known already.
// Errors: invalid, as [Receive].
func Restock(s Stock, c ReturnStock) ([]domain.Event, error) {
	if s.Closed.Has(returnKey(c.ReturnID)) {
		return nil, nil
	}
	bad := checkItem(c.SKU, c.Location, "return_id", c.ReturnID)
	if c.Quantity < 1 || c.Quantity > QuantityMax-s.OnHand {
		bad.Add("quantity", "must be from 1 to %d, got %d", QuantityMax-s.OnHand, c.Quantity)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	return []domain.Event{StockReturned{
		SKU: c.SKU, Location: c.Location, OrderID: c.OrderID, ReturnID: c.ReturnID, Quantity: c.Quantity, ReturnedAt: c.At,
	}}, nil
}

// ReduceReservation asks to free part of an order's goods.
type ReduceReservation struct {
	SKU       string
	Location  string
	OrderID   uuid.UUID
	RequestID uuid.UUID
	Quantity  int
	Reason    string
	At        time.Time
}

// Reduce frees part of an order's goods. It returns no events for a request known already. Errors:
// reservation_not_found when the order has not that many reserved here.
func Reduce(s Stock, c ReduceReservation) ([]domain.Event, error) {
	if s.Closed.Has(requestKey(c.RequestID)) {
		return nil, nil
	}
	if c.Quantity < 1 || s.Reservations[c.OrderID] < c.Quantity {
		return nil, domain.Refuse(CodeReservationNotFound, "order %s has %d of %s reserved at %s, asked to free %d",
			c.OrderID, s.Reservations[c.OrderID], c.SKU, c.Location, c.Quantity)
	}
	return []domain.Event{StockReservationReduced{
		SKU: c.SKU, Location: c.Location, OrderID: c.OrderID, RequestID: c.RequestID, Quantity: c.Quantity, Reason: c.Reason, ReducedAt: c.At,
	}}, nil
}
