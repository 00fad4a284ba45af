package inventory

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// ClosedMax is how many closed reservations, receipts and adjustments a stock item remembers, oldest
// forgotten first. A late duplicate comes within minutes; this many operations on one stock item
// take longer than that at any rate that one PostgreSQL can do.
const ClosedMax = 20_000

// Stock is the state of one SKU at one location. The zero value has none.
type Stock struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	OnHand   int    `json:"on_hand"`
	Reserved int    `json:"reserved"`
	// Reservations holds the open ones: quantity by order.
	Reservations map[uuid.UUID]int `json:"reservations,omitempty"`
	// Closed remembers what must not happen again: orders whose reservation was committed or
	// released, and receipts and adjustments by ids derived from theirs.
	Closed Memory `json:"closed"`
}

// Available is what may still be reserved.
func (s Stock) Available() int { return s.OnHand - s.Reserved }

// namespace is the root of the ids of stock items: the UUIDv5 of the DNS name "inventory.orderloom".
var namespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("inventory.orderloom"))

// ID returns the id of the stock item for a SKU at a location.
func ID(sku, location string) uuid.UUID { return domain.DerivedID(namespace, location+"\x00"+sku) }

// Evolve returns the stock after the event, changing the maps of s in place. Unknown events change
// nothing.
func Evolve(s Stock, e domain.Event) Stock {
	switch e := e.(type) {
	case StockReceived:
		s.SKU, s.Location = e.SKU, e.Location
		s.OnHand += e.Quantity
		s.Closed.add(receiptKey(e.ReceiptID))
	case StockAdjusted:
		s.SKU, s.Location = e.SKU, e.Location
		s.OnHand += e.Delta
		s.Closed.add(adjustmentKey(e.AdjustmentID))
	case StockReserved:
		s.SKU, s.Location = e.SKU, e.Location
		if s.Reservations == nil {
			s.Reservations = map[uuid.UUID]int{}
		}
		s.Reservations[e.OrderID] += e.Quantity
		s.Reserved += e.Quantity
	case StockReleased:
		s.SKU, s.Location = e.SKU, e.Location
		s.close(e.OrderID, e.Quantity)
	case StockCommitted:
		s.OnHand -= e.Quantity
		s.close(e.OrderID, e.Quantity)
	}
	return s
}

// receiptKey is how Closed remembers a receipt. Its id is the sender's, who may well name the receipt
// of goods that came back after their order; taken as it is, it would close that order's reservation.
func receiptKey(id uuid.UUID) uuid.UUID { return domain.DerivedID(id, "receipt") }

// adjustmentKey is how Closed remembers an adjustment, for the same reason.
func adjustmentKey(id uuid.UUID) uuid.UUID { return domain.DerivedID(id, "adjustment") }

func (s *Stock) close(order uuid.UUID, quantity int) {
	s.Reserved -= quantity
	delete(s.Reservations, order)
	s.Closed.add(order)
}
