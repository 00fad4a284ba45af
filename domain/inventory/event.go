package inventory

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Events lists every event type of the inventory stream, newest version of each.
var Events = []domain.Event{
	StockReceived{},
	StockReserved{},
	StockBackordered{},
	BackorderServed{},
	StockReservationReduced{},
	StockReleased{},
	StockCommitted{},
	StockReturned{},
	StockAdjusted{},
}

// StockReceived says that goods arrived.
type StockReceived struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	// ReceiptID is the sender's id of the receipt.
	ReceiptID  uuid.UUID `json:"receipt_id"`
	Quantity   int       `json:"quantity"`
	ReceivedAt time.Time `json:"received_at"`
}

// StockReserved says that goods are reserved for an order.
type StockReserved struct {
	SKU        string    `json:"sku"`
	Location   string    `json:"location"`
	OrderID    uuid.UUID `json:"order_id"`
	Quantity   int       `json:"quantity"`
	ReservedAt time.Time `json:"reserved_at"`
}

// StockBackordered says that an order waits for goods that are not there yet, whichever location they will come from.
// Of the queue of a SKU: it is served in the order of these events.
type StockBackordered struct {
	SKU      string    `json:"sku"`
	OrderID  uuid.UUID `json:"order_id"`
	Quantity int       `json:"quantity"`
	// ShipToCountry is where the goods are to go, since locations nearby come first.
	ShipToCountry string    `json:"ship_to_country"`
	BackorderedAt time.Time `json:"backordered_at"`
}

// BackorderServed says that an order waits no more: its goods are reserved where the allocations say, each by a
// StockReserved of that stock item. Of the queue of a SKU.
type BackorderServed struct {
	SKU         string       `json:"sku"`
	OrderID     uuid.UUID    `json:"order_id"`
	Allocations []Allocation `json:"allocations"`
	ServedAt    time.Time    `json:"served_at"`
}

// StockReservationReduced says that an order needs fewer of its goods.
type StockReservationReduced struct {
	SKU      string    `json:"sku"`
	Location string    `json:"location"`
	OrderID  uuid.UUID `json:"order_id"`
	// RequestID is the id of the partial cancellation that asked for it.
	RequestID uuid.UUID `json:"request_id"`
	Quantity  int       `json:"quantity"`
	Reason    string    `json:"reason"`
	ReducedAt time.Time `json:"reduced_at"`
}

// StockReleased says that an order's goods are free again. Quantity 0 closes a reservation that was
// never made, so that a late attempt can't make it. Of a queue, it ends the order's waiting.
type StockReleased struct {
	SKU        string    `json:"sku"`
	Location   string    `json:"location"`
	OrderID    uuid.UUID `json:"order_id"`
	Quantity   int       `json:"quantity"`
	Reason     string    `json:"reason"`
	ReleasedAt time.Time `json:"released_at"`
}

// StockCommitted says that an order's goods have left.
type StockCommitted struct {
	SKU         string    `json:"sku"`
	Location    string    `json:"location"`
	OrderID     uuid.UUID `json:"order_id"`
	Quantity    int       `json:"quantity"`
	CommittedAt time.Time `json:"committed_at"`
}

// StockReturned says that an order's goods came back and can be sold again.
type StockReturned struct {
	SKU      string    `json:"sku"`
	Location string    `json:"location"`
	OrderID  uuid.UUID `json:"order_id"`
	// ReturnID is the id of the return, or of the shipment that was refused.
	ReturnID   uuid.UUID `json:"return_id"`
	Quantity   int       `json:"quantity"`
	ReturnedAt time.Time `json:"returned_at"`
}

// StockAdjusted corrects what is on hand, up or down, such as after a count.
type StockAdjusted struct {
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
	AdjustedAt   time.Time `json:"adjusted_at"`
}

func (StockReceived) EventType() string  { return "StockReceived" }
func (StockReserved) EventType() string  { return "StockReserved" }
func (StockReleased) EventType() string  { return "StockReleased" }
func (StockCommitted) EventType() string { return "StockCommitted" }
func (StockAdjusted) EventType() string  { return "StockAdjusted" }

func (StockReceived) EventVersion() int  { return 1 }
func (StockReserved) EventVersion() int  { return 1 }
func (StockReleased) EventVersion() int  { return 1 }
func (StockCommitted) EventVersion() int { return 1 }
func (StockAdjusted) EventVersion() int  { return 1 }

func (StockBackordered) EventType() string { return "StockBackordered" }
func (StockBackordered) EventVersion() int { return 1 }

func (BackorderServed) EventType() string { return "BackorderServed" }
func (BackorderServed) EventVersion() int { return 1 }

func (StockReservationReduced) EventType() string { return "StockReservationReduced" }
func (StockReservationReduced) EventVersion() int { return 1 }

func (StockReturned) EventType() string { return "StockReturned" }
func (StockReturned) EventVersion() int { return 1 }
