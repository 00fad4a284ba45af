package inventory

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// ClosedMax is how many closed reservations, receipts and adjustments a stock item remembers, oldest
// forgotten first. A late duplicate comes within minutes; this many operations on one stock item
// take longer than that at any rate that one PostgreSQL can do.
const ClosedMax = 20_000

// Stock is the state of one SKU at one location, or of the queue of a SKU ([QueueID]). The zero value has none.
type Stock struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	OnHand   int    `json:"on_hand"`
	Reserved int    `json:"reserved"`
	// Reservations holds the open ones: quantity by order.
	Reservations map[uuid.UUID]int `json:"reservations,omitempty"`
	// Backorders wait for goods, first come first served. Of a queue only.
	Backorders []Backorder `json:"backorders,omitempty"`
	// Closed remembers what must not happen again. It holds the orders whose reservation was committed or released.
	// Receipts, adjustments, returns and partial cancellations are in it by ids derived from theirs.
	Closed Memory `json:"closed"`
}

// Backorder is how many pieces an order waits for, and where they are to go.
type Backorder struct {
	OrderID       uuid.UUID `json:"order_id"`
	Quantity      int       `json:"quantity"`
	ShipToCountry string    `json:"ship_to_country"`
}

// Available is what may still be reserved: on hand, less what is reserved.
func (s Stock) Available() int { return max(0, s.unreserved()) }

func (s Stock) unreserved() int { return s.OnHand - s.Reserved }

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
		s.Closed.add(receiptContent(e.ReceiptID, e.Quantity))
	case StockAdjusted:
		s.SKU, s.Location = e.SKU, e.Location
		s.OnHand += e.Delta
		s.Closed.add(adjustmentKey(e.AdjustmentID))
		s.Closed.add(adjustmentContent(e.AdjustmentID, e.Delta, e.Reason))
	case StockReserved:
		s.SKU, s.Location = e.SKU, e.Location
		s.reserve(e.OrderID, e.Quantity)
	case StockBackordered:
		s.SKU = e.SKU
		s.Backorders = append(s.Backorders, Backorder{OrderID: e.OrderID, Quantity: e.Quantity, ShipToCountry: e.ShipToCountry})
	case BackorderServed:
		s.dropBackorder(e.OrderID)
	case StockReservationReduced:
		s.reserve(e.OrderID, -e.Quantity)
		if s.Reservations[e.OrderID] == 0 {
			delete(s.Reservations, e.OrderID)
		}
		s.Closed.add(requestKey(e.RequestID))
	case StockReturned:
		s.OnHand += e.Quantity
		s.Closed.add(returnKey(e.ReturnID))
	case StockReleased:
		s.SKU, s.Location = e.SKU, e.Location
		s.close(e.OrderID, e.Quantity)
	case StockCommitted:
		s.OnHand -= e.Quantity
		s.close(e.OrderID, e.Quantity)
	}
	return s
}

// receiptKey is how Closed remembers a receipt. The receipt's id is the sender's, who may name the receipt of goods
// that came back after their order. Taken as it is, it would close that order's reservation.
func receiptKey(id uuid.UUID) uuid.UUID { return domain.DerivedID(id, "receipt") }

// The other ids that Closed remembers are derived for the same reason.
func adjustmentKey(id uuid.UUID) uuid.UUID { return domain.DerivedID(id, "adjustment") }
func returnKey(id uuid.UUID) uuid.UUID     { return domain.DerivedID(id, "return") }
func requestKey(id uuid.UUID) uuid.UUID    { return domain.DerivedID(id, "request") }

// receiptContent and adjustmentContent stand for what was told under an id, so that something else under the same id is
// not taken for it.
func receiptContent(id uuid.UUID, quantity int) uuid.UUID {
	return domain.DerivedID(id, fmt.Sprintf("receipt of %d", quantity))
}

func adjustmentContent(id uuid.UUID, delta int, reason string) uuid.UUID {
	return domain.DerivedID(id, fmt.Sprintf("adjustment by %d: %q", delta, reason))
}

// knows reports whether the stock has what a key stands for behind it. Error: idempotency_key_reused when that was of
// another content.
func (s Stock) knows(key, content uuid.UUID) (bool, error) {
	switch {
	case !s.Closed.Has(key):
		return false, nil
	case !s.Closed.Has(content):
		return false, domain.Refuse(domain.CodeIdempotencyKeyReused, "the stock of %s at %s was changed otherwise under the same key", s.SKU, s.Location)
	}
	return true, nil
}

// reserve adds to what is reserved for an order.
func (s *Stock) reserve(order uuid.UUID, quantity int) {
	if s.Reservations == nil {
		s.Reservations = map[uuid.UUID]int{}
	}
	s.Reservations[order] += quantity
	s.Reserved += quantity
}

func (s *Stock) close(order uuid.UUID, quantity int) {
	s.Reserved -= quantity
	delete(s.Reservations, order)
	s.dropBackorder(order)
	s.Closed.add(order)
}

// dropBackorder ends the order's waiting: it was served, or it does not want the goods any more.
func (s *Stock) dropBackorder(order uuid.UUID) {
	s.Backorders = slices.DeleteFunc(s.Backorders, func(b Backorder) bool { return b.OrderID == order })
}
