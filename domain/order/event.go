package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Events lists every event type of the order stream, newest version of each.
var Events = []domain.Event{
	OrderPlaced{}, OrderConfirmed{}, OrderCancelled{}, ShipmentDispatched{}, OrderShipped{}, ShipmentDelivered{}, OrderDelivered{},
}

// OrderPlaced says that an order was accepted with these lines at this total.
type OrderPlaced struct {
	OrderID     uuid.UUID   `json:"order_id"`
	OrderNumber string      `json:"order_number"`
	CustomerID  string      `json:"customer_id"`
	Items       []Item      `json:"items"`
	Total       money.Money `json:"total"`
	// ShipToCountry stands outside the personal section because the choice of a location needs it.
	ShipToCountry string `json:"ship_to_country"`
	// Personal seals a [Recipient].
	Personal domain.Sealed `json:"personal"`
	// RequestHash tells a retried request from another one under the same Idempotency-Key.
	RequestHash string    `json:"request_hash"`
	PlacedAt    time.Time `json:"placed_at"`
}

// OrderConfirmed says that stock and payment are secured, and in which parcels the order will leave.
type OrderConfirmed struct {
	OrderID     uuid.UUID  `json:"order_id"`
	Shipments   []Shipment `json:"shipments"`
	ConfirmedAt time.Time  `json:"confirmed_at"`
}

// OrderCancelled ends an order of which no parcel has left.
type OrderCancelled struct {
	OrderID uuid.UUID `json:"order_id"`
	// Reason is a code: one of the Reason constants, or the word the caller gave.
	Reason string `json:"reason"`
	// CancelledBy is "customer", "operator" or "system".
	CancelledBy string    `json:"cancelled_by"`
	CancelledAt time.Time `json:"cancelled_at"`
}

// ShipmentDispatched says that a parcel was handed to the carrier.
type ShipmentDispatched struct {
	OrderID        uuid.UUID `json:"order_id"`
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	DispatchedAt   time.Time `json:"dispatched_at"`
}

// OrderShipped says that the first parcel has left: the order can't be cancelled any more.
type OrderShipped struct {
	OrderID   uuid.UUID `json:"order_id"`
	ShippedAt time.Time `json:"shipped_at"`
}

// ShipmentDelivered says that a parcel has arrived.
type ShipmentDelivered struct {
	OrderID     uuid.UUID `json:"order_id"`
	ShipmentID  uuid.UUID `json:"shipment_id"`
	DeliveredAt time.Time `json:"delivered_at"`
}

// OrderDelivered says that the last parcel has arrived.
type OrderDelivered struct {
	OrderID     uuid.UUID `json:"order_id"`
	DeliveredAt time.Time `json:"delivered_at"`
}

func (OrderPlaced) EventType() string        { return "OrderPlaced" }
func (OrderConfirmed) EventType() string     { return "OrderConfirmed" }
func (OrderCancelled) EventType() string     { return "OrderCancelled" }
func (ShipmentDispatched) EventType() string { return "ShipmentDispatched" }
func (OrderShipped) EventType() string       { return "OrderShipped" }
func (ShipmentDelivered) EventType() string  { return "ShipmentDelivered" }
func (OrderDelivered) EventType() string     { return "OrderDelivered" }

func (OrderPlaced) EventVersion() int        { return 1 }
func (OrderConfirmed) EventVersion() int     { return 1 }
func (OrderCancelled) EventVersion() int     { return 1 }
func (ShipmentDispatched) EventVersion() int { return 1 }
func (OrderShipped) EventVersion() int       { return 1 }
func (ShipmentDelivered) EventVersion() int  { return 1 }
func (OrderDelivered) EventVersion() int     { return 1 }
