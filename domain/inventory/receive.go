package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// QuantityMax bounds what one stock item may hold.
const QuantityMax = 1_000_000_000

// ReceiveStock reports goods that arrived.
type ReceiveStock struct {
	SKU       string
	Location  string
	ReceiptID uuid.UUID
	Quantity  int
	At        time.Time
}

// Receive records goods that arrived. It returns no events for a receipt known already. Errors:
// invalid when the quantity is not from 1 to [QuantityMax], or the stock would go beyond it.
func Receive(s Stock, c ReceiveStock) ([]domain.Event, error) {
	if s.Closed.Has(c.ReceiptID) {
		return nil, nil
	}
	if c.Quantity < 1 || c.Quantity > QuantityMax-s.OnHand {
		return nil, domain.Invalid("quantity", "must be from 1 to %d, got %d", QuantityMax-s.OnHand, c.Quantity)
	}
	return []domain.Event{StockReceived{SKU: c.SKU, Location: c.Location, ReceiptID: c.ReceiptID, Quantity: c.Quantity, ReceivedAt: c.At}}, nil
}

// AdjustStock corrects what is on hand.
type AdjustStock struct {
	SKU          string
	Location     string
	AdjustmentID uuid.UUID
	Delta        int
	Reason       string
	At           time.Time
}

// Adjust records a correction. It returns no events for one known already. Errors: invalid without a
// reason or with a delta of 0; insufficient_stock when what is reserved would not be there any more.
func Adjust(s Stock, c AdjustStock) ([]domain.Event, error) {
	switch {
	case s.Closed.Has(c.AdjustmentID):
		return nil, nil
	case c.Reason == "":
		return nil, domain.Invalid("reason", "is required")
	case c.Delta == 0 || c.Delta > QuantityMax-s.OnHand:
		return nil, domain.Invalid("delta", "must not be 0, nor take the stock beyond %d", QuantityMax)
	case s.Available()+c.Delta < 0:
		return nil, domain.Refuse("insufficient_stock", "%d of %s are available at %s, can't take %d away", s.Available(), c.SKU, c.Location, -c.Delta)
	}
	return []domain.Event{StockAdjusted{
		SKU: c.SKU, Location: c.Location, AdjustmentID: c.AdjustmentID, Delta: c.Delta, Reason: c.Reason, AdjustedAt: c.At,
	}}, nil
}
