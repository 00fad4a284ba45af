package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Events lists every event type of the order stream, newest version of each.
var Events = []domain.Event{
	OrderPlaced{},
	StockAllocated{},
	OrderHeld{},
	OrderApproved{},
	OrderConfirmed{},
	OrderCancelled{},
	OrderLinesCancelled{},
	OrderEditRequested{},
	OrderEdited{},
	OrderEditDeclined{},
	ShippingAddressAmended{},
	DispatchOverdue{},
	ShipmentDispatched{},
	ShipmentTrackingCorrected{},
	OrderShipped{},
	ShipmentDelivered{},
	ShipmentLost{},
	ShipmentRefused{},
	OrderDelivered{},
	ReturnRequested{},
	ReturnApproved{},
	ReturnRefused{},
	ReturnCancelled{},
	ReturnExpired{},
	ReturnOverdue{},
	ExchangeAgreed{},
	OrderReturned{},
	OrderDetailsChanged{},
	OrderNoted{},
	OrderClockAdvanced{},
}

// OrderPlaced says that an order was accepted with these lines at this total.
type OrderPlaced struct {
	OrderID     uuid.UUID   `json:"order_id"`
	OrderNumber string      `json:"order_number"`
	CustomerID  string      `json:"customer_id"`
	Items       []Item      `json:"items"`
	Total       money.Money `json:"total"`
	// ShippingLines, Discounts and Rounding are as they were priced. Totals explain the total; they are left out where
	// it is just the lines' prices. Events before version 4 had none of it.
	ShippingLines []ShippingLine   `json:"shipping_lines,omitempty"`
	Discounts     []Discount       `json:"discounts,omitempty"`
	Rounding      pricing.Rounding `json:"rounding,omitzero"`
	Totals        *pricing.Totals  `json:"totals,omitempty"`
	References
	// Caller is the account that has placed it, and whose external reference it is; empty for an open API. Events from
	// before there were accounts have it beside a reference alone.
	Caller string `json:"caller,omitempty"`
	// ShipToCountry stands outside the personal section because the choice of a location needs it.
	ShipToCountry string `json:"ship_to_country"`
	// Personal seals a [Recipient].
	Personal domain.Sealed `json:"personal"`
	// RequestHash tells a retried request from another one under the same Idempotency-Key.
	RequestHash string    `json:"request_hash"`
	PlacedAt    time.Time `json:"placed_at"`
	// Terms are what a saga needs to go on with the order from any point; the zero value in events of version 1.
	Terms Terms `json:"terms"`
	// Allocations are where the goods were set aside with the order; none while they have to be waited for.
	Allocations []inventory.Allocation `json:"allocations,omitempty"`
}

// Terms are what was agreed when an order was placed. They change nothing about what the order holds or costs.
type Terms struct {
	// Payment seals the payment token, a JSON string, under the customer's key. Only the steps of the payment open it.
	Payment domain.Sealed `json:"payment"`
	// AllowBackorder lets the order wait for goods that are not there.
	AllowBackorder bool `json:"allow_backorder,omitempty"`
	// KeepPaymentMethod says that the customer has agreed that the means of payment is authorised again for this order
	// without them.
	KeepPaymentMethod bool `json:"keep_payment_method,omitempty"`
	// ShippingByValue shares the shipping lines out over the shipments, by what each costs. Otherwise the shipment that
	// leaves first carries them.
	ShippingByValue bool      `json:"shipping_by_value,omitempty"`
	Deadlines       Deadlines `json:"deadlines"`
}

// Deadlines say how long an order waits for each thing, in nanoseconds. Zero means that no deadline was set.
type Deadlines struct {
	// Stock ends the waiting for backordered goods; the order is cancelled then.
	Stock time.Duration `json:"stock,omitempty"`
	// Review ends the waiting for a person; the order is cancelled then.
	Review time.Duration `json:"review,omitempty"`
	// Payment ends the waiting for the customer's bank; the order is cancelled then.
	Payment time.Duration `json:"payment,omitempty"`
	// PaymentRequired ends the waiting for money that is missing; what has not left is cancelled then.
	PaymentRequired time.Duration `json:"payment_required,omitempty"`
	// Dispatch is when operators are told that no shipment has left yet; the order goes on waiting.
	Dispatch time.Duration `json:"dispatch,omitempty"`
}

// StockAllocated says where the goods of an order are set aside, or waited for, once that has changed. It replaces what
// the order knew before.
type StockAllocated struct {
	OrderID     uuid.UUID              `json:"order_id"`
	Allocations []inventory.Allocation `json:"allocations"`
	AllocatedAt time.Time              `json:"allocated_at"`
}

// OrderHeld says that the order waits for a person to review it.
type OrderHeld struct {
	OrderID uuid.UUID `json:"order_id"`
	// Rule is the code of the rule that asked for the review, such as "amount".
	Rule   string    `json:"rule"`
	HeldAt time.Time `json:"held_at"`
}

// OrderApproved says that a person has reviewed the order and lets it go on.
type OrderApproved struct {
	OrderID    uuid.UUID `json:"order_id"`
	ApprovedBy string    `json:"approved_by"`
	ApprovedAt time.Time `json:"approved_at"`
}

// OrderConfirmed says that stock and payment are secured, and in which shipments the order will leave.
type OrderConfirmed struct {
	OrderID     uuid.UUID  `json:"order_id"`
	Shipments   []Shipment `json:"shipments"`
	ConfirmedAt time.Time  `json:"confirmed_at"`
}

// OrderCancelled ends an order of which no shipment has left.
type OrderCancelled struct {
	OrderID uuid.UUID `json:"order_id"`
	// Reason is a code: one of the Reason constants, or the word the caller gave.
	Reason string `json:"reason"`
	// CancelledBy is "customer", "operator" or "system".
	CancelledBy string `json:"cancelled_by"`
	// RejectedBy is who has reviewed the order and rejected it; empty for any other reason.
	RejectedBy  string    `json:"rejected_by,omitempty"`
	CancelledAt time.Time `json:"cancelled_at"`
}

// OrderLinesCancelled takes pieces out of shipments that have not left; their price is not captured.
type OrderLinesCancelled struct {
	OrderID uuid.UUID `json:"order_id"`
	// RequestID and RequestContent tell the request when it comes again, see [Request].
	RequestID      uuid.UUID       `json:"request_id"`
	RequestContent uuid.UUID       `json:"request_content"`
	Lines          []CancelledLine `json:"lines"`
	// Shipping is what of the shipping lines is cancelled with the last pieces of a shipment.
	Shipping []ShippingShare `json:"shipping,omitempty"`
	// Amount is what all of it had cost.
	Amount      money.Money `json:"amount"`
	Reason      string      `json:"reason"`
	CancelledBy string      `json:"cancelled_by"`
	CancelledAt time.Time   `json:"cancelled_at"`
}

// CancelledLine is how many pieces of a line were taken out of one shipment, and what they had cost.
type CancelledLine struct {
	ShipmentID uuid.UUID   `json:"shipment_id"`
	Location   string      `json:"location"`
	LineID     uuid.UUID   `json:"line_id"`
	SKU        string      `json:"sku"`
	Quantity   int         `json:"quantity"`
	Amount     money.Money `json:"amount"`
	// Money explains the amount, where it is not just the price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// OrderEditRequested says that an edit of the order waits for money. Its goods are reserved. The order is as it was
// until [OrderEdited] or [OrderEditDeclined].
type OrderEditRequested struct {
	OrderID uuid.UUID `json:"order_id"`
	Edit    Edit      `json:"edit"`
	// Amount is what is to be authorised in place of what is.
	Amount      money.Money `json:"amount"`
	RequestedAt time.Time   `json:"requested_at"`
}

// OrderEdited says that lines came to an order before it left. What an edit takes out is told by the
// [OrderLinesCancelled] that comes with it.
type OrderEdited struct {
	OrderID uuid.UUID `json:"order_id"`
	// RequestID and RequestContent tell the request when it comes again, see [Request].
	RequestID      uuid.UUID `json:"request_id"`
	RequestContent uuid.UUID `json:"request_content"`
	// Items are the new lines.
	Items []Item `json:"items,omitempty"`
	// Shipments are the pieces of them, by the shipments in which they leave. Each is a new one, or one that is there.
	Shipments []Shipment `json:"shipments,omitempty"`
	// Amount is what the new lines cost.
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason"`
	EditedBy string      `json:"edited_by"`
	EditedAt time.Time   `json:"edited_at"`
}

// OrderEditDeclined says that an edit changes nothing, and that its goods are free again.
type OrderEditDeclined struct {
	OrderID        uuid.UUID `json:"order_id"`
	RequestID      uuid.UUID `json:"request_id"`
	RequestContent uuid.UUID `json:"request_content"`
	// Code is the gateway's, or why the edit could not be carried out any more.
	Code       domain.ErrorCode `json:"code"`
	DeclinedAt time.Time        `json:"declined_at"`
}

// ShippingAddressAmended replaces the address of an order of which no shipment has left.
type ShippingAddressAmended struct {
	OrderID uuid.UUID `json:"order_id"`
	// RequestID and RequestHash tell the request when it comes again. Events of version 1 had neither: the id is zero
	// then, and the hash empty.
	RequestID   uuid.UUID `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	// Personal seals a [Recipient].
	Personal  domain.Sealed `json:"personal"`
	AmendedBy string        `json:"amended_by"`
	AmendedAt time.Time     `json:"amended_at"`
}

// DispatchOverdue says that no shipment had left when the dispatch deadline passed.
type DispatchOverdue struct {
	OrderID    uuid.UUID `json:"order_id"`
	DeadlineAt time.Time `json:"deadline_at"`
}

// ShipmentDispatched says that a shipment was handed to the carrier.
type ShipmentDispatched struct {
	OrderID        uuid.UUID `json:"order_id"`
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	DispatchedAt   time.Time `json:"dispatched_at"`
}

// ShipmentTrackingCorrected says that a shipment on its way has another carrier or tracking number than was reported.
// It replaces what [ShipmentDispatched], or the correction before, has told.
type ShipmentTrackingCorrected struct {
	OrderID    uuid.UUID `json:"order_id"`
	ShipmentID uuid.UUID `json:"shipment_id"`
	// RequestID tells the request when it comes again.
	RequestID      uuid.UUID `json:"request_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	CorrectedAt    time.Time `json:"corrected_at"`
}

// OrderShipped says that the first shipment has left: the order can't be cancelled any more.
type OrderShipped struct {
	OrderID   uuid.UUID `json:"order_id"`
	ShippedAt time.Time `json:"shipped_at"`
}

// ShipmentDelivered says that a shipment has arrived.
type ShipmentDelivered struct {
	OrderID     uuid.UUID `json:"order_id"`
	ShipmentID  uuid.UUID `json:"shipment_id"`
	DeliveredAt time.Time `json:"delivered_at"`
}

// ShipmentLost says that the carrier has lost a shipment.
type ShipmentLost struct {
	OrderID    uuid.UUID `json:"order_id"`
	ShipmentID uuid.UUID `json:"shipment_id"`
	LostAt     time.Time `json:"lost_at"`
}

// ShipmentRefused says that the recipient did not take a shipment, and that it has come back.
type ShipmentRefused struct {
	OrderID    uuid.UUID `json:"order_id"`
	ShipmentID uuid.UUID `json:"shipment_id"`
	RefusedAt  time.Time `json:"refused_at"`
}

// OrderReturned says that goods came back after their delivery. Without a [ReturnRequested] before, their return was
// requested and approved at once.
type OrderReturned struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// RequestContent tells the report when it comes again under the return's id, see [Request]. It is zero before
	// version 4.
	RequestContent uuid.UUID      `json:"request_content"`
	Lines          []ReturnedLine `json:"lines"`
	// Amount is what the goods had cost: the refund that the customer gets.
	Amount money.Money `json:"amount"`
	// NothingOwed says that nothing is refunded for them: all of it went back before.
	NothingOwed bool      `json:"nothing_owed,omitempty"`
	Reason      string    `json:"reason"`
	ReturnedAt  time.Time `json:"returned_at"`
}

// ReturnedLine is how many pieces of a line came back that had left in one shipment, and whether they can be sold
// again.
type ReturnedLine struct {
	ShipmentID uuid.UUID `json:"shipment_id"`
	LineID     uuid.UUID `json:"line_id"`
	SKU        string    `json:"sku"`
	Quantity   int       `json:"quantity"`
	// Location takes the pieces in: the one they had left from, unless another one was named.
	Location string `json:"location"`
	// Restock is false for pieces that are written off.
	Restock bool        `json:"restock"`
	Amount  money.Money `json:"amount"`
	// Reason and Note say why they came back, where no request has told it.
	Reason ReturnReason `json:"reason,omitempty"`
	Note   string       `json:"note,omitempty"`
	// Money explains the amount, where it is not just the price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// OrderDelivered says that the last shipment has arrived.
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

func (OrderPlaced) EventVersion() int        { return 4 }
func (OrderConfirmed) EventVersion() int     { return 3 }
func (OrderCancelled) EventVersion() int     { return 2 }
func (ShipmentDispatched) EventVersion() int { return 1 }
func (OrderShipped) EventVersion() int       { return 1 }
func (ShipmentDelivered) EventVersion() int  { return 1 }
func (OrderDelivered) EventVersion() int     { return 1 }

func (StockAllocated) EventType() string         { return "StockAllocated" }
func (OrderHeld) EventType() string              { return "OrderHeld" }
func (OrderApproved) EventType() string          { return "OrderApproved" }
func (OrderLinesCancelled) EventType() string    { return "OrderLinesCancelled" }
func (ShippingAddressAmended) EventType() string { return "ShippingAddressAmended" }
func (DispatchOverdue) EventType() string        { return "DispatchOverdue" }
func (ShipmentLost) EventType() string           { return "ShipmentLost" }
func (ShipmentRefused) EventType() string        { return "ShipmentRefused" }
func (OrderReturned) EventType() string          { return "OrderReturned" }

func (StockAllocated) EventVersion() int         { return 1 }
func (OrderHeld) EventVersion() int              { return 1 }
func (OrderApproved) EventVersion() int          { return 1 }
func (OrderLinesCancelled) EventVersion() int    { return 3 }
func (ShippingAddressAmended) EventVersion() int { return 2 }
func (DispatchOverdue) EventVersion() int        { return 1 }
func (ShipmentLost) EventVersion() int           { return 1 }
func (ShipmentRefused) EventVersion() int        { return 1 }
func (OrderReturned) EventVersion() int          { return 4 }

func (ShipmentTrackingCorrected) EventType() string { return "ShipmentTrackingCorrected" }
func (ShipmentTrackingCorrected) EventVersion() int { return 1 }

func (OrderEditRequested) EventType() string { return "OrderEditRequested" }
func (OrderEdited) EventType() string        { return "OrderEdited" }
func (OrderEditDeclined) EventType() string  { return "OrderEditDeclined" }

func (OrderEditRequested) EventVersion() int { return 1 }
func (OrderEdited) EventVersion() int        { return 1 }
func (OrderEditDeclined) EventVersion() int  { return 1 }

func (ReturnRequested) EventType() string { return "ReturnRequested" }
func (ReturnApproved) EventType() string  { return "ReturnApproved" }
func (ReturnRefused) EventType() string   { return "ReturnRefused" }
func (ReturnCancelled) EventType() string { return "ReturnCancelled" }
func (ReturnExpired) EventType() string   { return "ReturnExpired" }
func (ReturnOverdue) EventType() string   { return "ReturnOverdue" }

func (ReturnRequested) EventVersion() int { return 1 }
func (ReturnApproved) EventVersion() int  { return 1 }
func (ReturnRefused) EventVersion() int   { return 1 }
func (ReturnCancelled) EventVersion() int { return 1 }
func (ReturnExpired) EventVersion() int   { return 1 }
func (ReturnOverdue) EventVersion() int   { return 1 }

func (ExchangeAgreed) EventType() string { return "ExchangeAgreed" }
func (ExchangeAgreed) EventVersion() int { return 1 }
