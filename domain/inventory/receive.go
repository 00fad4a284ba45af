package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Limits of a stock item and of what is told of it.
const (
	QuantityMax     = 1_000_000_000 // pieces
	ReasonLengthMax = 200           // characters
)

// ReceiveStock reports goods that arrived.
type ReceiveStock struct {
	SKU       string
	Location  string
	ReceiptID uuid.UUID
	Quantity  int
	At        time.Time
}

// Receive records goods that arrived. It returns no events for a receipt known already.
//
// Errors: idempotency_key_reused when another quantity is known of the receipt; [domain.Invalids] for ids that are
// missing or malformed. It blames a quantity that is below 1 or takes the stock beyond [QuantityMax].
func Receive(s Stock, c ReceiveStock) ([]domain.Event, error) {
	if known, err := s.knows(receiptKey(c.ReceiptID), receiptContent(c.ReceiptID, c.Quantity)); known || err != nil {
		return nil, err
	}
	bad := checkItem(c.SKU, c.Location, "receipt_id", c.ReceiptID)
	if c.Quantity < 1 || c.Quantity > QuantityMax-s.OnHand {
		bad.Add("quantity", "must be from 1 to %d, got %d", QuantityMax-s.OnHand, c.Quantity)
	}
	if len(bad) > 0 {
		return nil, bad
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

// Adjust records a correction. It returns no events for one known already.
//
// Errors: idempotency_key_reused when something else is known of the adjustment. [domain.Invalids] for ids that are
// missing or malformed, without a reason, or with a delta of 0 or beyond
// [QuantityMax]. When what is reserved would not be there any more, the error is insufficient_stock.
func Adjust(s Stock, c AdjustStock) ([]domain.Event, error) {
	content := adjustmentContent(c.AdjustmentID, c.Delta, c.Reason)
	if known, err := s.knows(adjustmentKey(c.AdjustmentID), content); known || err != nil {
		return nil, err
	}
	bad := checkItem(c.SKU, c.Location, "adjustment_id", c.AdjustmentID)
	bad.Required("reason", c.Reason, ReasonLengthMax)
	if c.Delta == 0 || c.Delta < -QuantityMax || c.Delta > QuantityMax-s.OnHand {
		bad.Add("delta", "must not be 0, nor take the stock beyond %d", QuantityMax)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	if s.unreserved()+c.Delta < 0 {
		return nil, domain.Refuse(CodeInsufficientStock, "%d of %s are not reserved at %s, can't take %d away",
			s.unreserved(), c.SKU, c.Location, -c.Delta)
	}
	return []domain.Event{StockAdjusted{
		SKU: c.SKU, Location: c.Location, AdjustmentID: c.AdjustmentID, Delta: c.Delta, Reason: c.Reason, AdjustedAt: c.At,
	}}, nil
}

func checkItem(sku, location, idField string, id uuid.UUID) domain.Invalids {
	var bad domain.Invalids
	bad.ID("sku", sku)
	bad.ID("location", location)
	if id == uuid.Nil {
		bad.Add(idField, "is required")
	}
	return bad
}
