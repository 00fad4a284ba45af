package order

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Status is where an order stands; see the package comment for the moves.
type Status string

// The five states of an order. The empty status is an order that does not exist.
const (
	StatusCreated   Status = "created"
	StatusConfirmed Status = "confirmed"
	StatusShipped   Status = "shipped"
	StatusDelivered Status = "delivered"
	StatusCancelled Status = "cancelled"
)

// Ended reports whether nothing more is to be expected of an order in this state, but returns.
func (s Status) Ended() bool { return s == StatusDelivered || s == StatusCancelled }

// Reasons for which the platform itself cancels an order.
const (
	ReasonOutOfStock      = "out_of_stock"
	ReasonPaymentDeclined = "payment_declined"
	ReasonPaymentDeadline = "payment_deadline"
	ReasonCustomerRequest = "customer_request"
	ReasonStockDeadline   = "stock_deadline"
	ReasonReviewDeadline  = "review_deadline"
	ReasonReviewRejected  = "review_rejected"
	ReasonUndeliverable   = "undeliverable"
	ReasonSystemError     = "system_error"
)

// ShipmentStatus is where one shipment stands.
type ShipmentStatus string

// The states of a shipment.
const (
	ShipmentStatusPlanned    ShipmentStatus = "planned"
	ShipmentStatusDispatched ShipmentStatus = "dispatched"
	ShipmentStatusDelivered  ShipmentStatus = "delivered"
	ShipmentStatusLost       ShipmentStatus = "lost"
	ShipmentStatusRefused    ShipmentStatus = "refused"
	// ShipmentStatusCancelled is a shipment that was cancelled before it left: with its order, or all of its pieces.
	ShipmentStatusCancelled ShipmentStatus = "cancelled"
)

// Shipment is one shipment: what leaves one location together, and what it costs.
type Shipment struct {
	ShipmentID uuid.UUID `json:"shipment_id"`
	// Location is empty for what needs no shipping: see [Shipment.Digital].
	Location string         `json:"location"`
	Lines    []ShipmentLine `json:"lines"`
	// Amount is the part of the order's total that this shipment carries; it is captured when it leaves.
	Amount         money.Money    `json:"amount"`
	Status         ShipmentStatus `json:"status"`
	Carrier        string         `json:"carrier,omitempty"`
	TrackingNumber string         `json:"tracking_number,omitempty"`
	// Shipping is what it carries of the order's shipping lines.
	Shipping []ShippingShare `json:"shipping,omitempty"`
}

// Left reports whether a shipment in this state was handed to the carrier, whatever has become of it since.
func (s ShipmentStatus) Left() bool {
	return s != ShipmentStatusPlanned && s != ShipmentStatusCancelled
}

// SKUs returns the SKUs in the shipment, each once, in the order of its lines.
func (s Shipment) SKUs() []string {
	var skus []string
	for _, l := range s.Lines {
		if !slices.Contains(skus, l.SKU) {
			skus = append(skus, l.SKU)
		}
	}
	return skus
}

// Ended reports whether nothing more is to be expected of a shipment in this state.
func (s ShipmentStatus) Ended() bool {
	return s != ShipmentStatusPlanned && s != ShipmentStatusDispatched
}

// ShipmentLine is how many pieces of one of the order's lines lie in a shipment. A shipment has each line once.
type ShipmentLine struct {
	LineID   uuid.UUID `json:"line_id"`
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	// UnitPrice is what one piece costs: the price of the order's line.
	UnitPrice money.Money `json:"unit_price"`
	// Returned is how many of the pieces came back after their delivery.
	Returned int `json:"returned,omitempty"`
	// Cancelled is how many pieces were taken out of the shipment since the order was confirmed.
	Cancelled int `json:"cancelled,omitzero"`
	// Money is what the pieces cost with which the order was confirmed, the cancelled ones too. It is left out where
	// that is just their price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// Order is the state of one order, as far as decisions need it. The zero value is no order yet.
type Order struct {
	ID         uuid.UUID `json:"order_id"`
	Number     string    `json:"order_number"`
	CustomerID string    `json:"customer_id"`
	Status     Status    `json:"status"`
	Items      []Item    `json:"items"`
	// Total is what the order costs: its lines and its shipping lines.
	Total         money.Money      `json:"total"`
	ShippingLines []ShippingLine   `json:"shipping_lines,omitempty"`
	Discounts     []Discount       `json:"discounts,omitempty"`
	Rounding      pricing.Rounding `json:"rounding,omitzero"`
	References
	// Caller is the account that has placed it, and whose external reference it is.
	Caller        string        `json:"caller,omitempty"`
	ShipToCountry string        `json:"ship_to_country"`
	Personal      domain.Sealed `json:"personal"`
	RequestHash   string        `json:"request_hash"`
	Shipments     []Shipment    `json:"shipments"`
	CancelReason  string        `json:"cancel_reason,omitempty"`
	CancelledBy   string        `json:"cancelled_by,omitempty"`
	PlacedAt      time.Time     `json:"placed_at"`
	ConfirmedAt   time.Time     `json:"confirmed_at,omitzero"`
	Terms         Terms         `json:"terms"`
	// Allocations are where the order's goods are set aside or waited for, as far as its own events tell.
	Allocations []inventory.Allocation `json:"allocations,omitempty"`
	// PartlyCancelled is true once lines were cancelled, so that less is captured than was authorised.
	PartlyCancelled bool `json:"partly_cancelled,omitempty"`
	// Held is the rule that asked for a review which nobody has made yet.
	Held string `json:"held,omitempty"`
	// ApprovedBy and RejectedBy are who has reviewed the order: one of them at most is set, and for good.
	ApprovedBy string `json:"approved_by,omitempty"`
	RejectedBy string `json:"rejected_by,omitempty"`
	// Overdue is true while the order waits for its first shipment beyond the dispatch deadline.
	Overdue bool `json:"overdue,omitempty"`
	// OverdueSince is the deadline that passed; it stays when a shipment leaves.
	OverdueSince time.Time `json:"overdue_since,omitzero"`
	DeliveredAt  time.Time `json:"delivered_at"`
	// Requests holds the ids of the changes and returns that were carried out, and Asked their contents: see
	// [Request].
	Requests []uuid.UUID    `json:"requests,omitempty"`
	Asked    []uuid.UUID    `json:"asked,omitempty"`
	Returns  []ReturnRecord `json:"returns,omitempty"`
	// Notes are what people of the shop have noted, oldest first.
	Notes []Note `json:"notes,omitempty"`
	// Exchange is the return of another order that pays for this one; nil for none.
	Exchange *Exchange `json:"exchange,omitempty"`
	// Editing is the edit whose money is asked for, and DeclinedEdits are those that changed nothing.
	Editing       *Edit          `json:"editing,omitempty"`
	DeclinedEdits []DeclinedEdit `json:"declined_edits,omitempty"`
	// Reported is how the shipments had left whose tracking was corrected since, so that a report which comes again is
	// known.
	Reported []Tracking `json:"reported,omitempty"`
	// Clock is that of an order for trying; nil for one whose time is the world's.
	Clock *Clock `json:"clock,omitempty"`
}

// Tracking is by whom a shipment is carried, and under which number.
type Tracking struct {
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
}

// Evolve returns the order after the event. Unknown events change nothing.
func Evolve(o Order, e domain.Event) Order {
	switch e := e.(type) {
	case OrderPlaced:
		return Order{
			ID: e.OrderID, Number: e.OrderNumber, CustomerID: e.CustomerID, Status: StatusCreated, Items: e.Items, Total: e.Total,
			ShipToCountry: e.ShipToCountry, Personal: e.Personal, RequestHash: e.RequestHash, PlacedAt: e.PlacedAt,
			Terms: e.Terms, Allocations: e.Allocations, ShippingLines: e.ShippingLines, Discounts: e.Discounts, Rounding: e.Rounding,
			References: e.References, Caller: e.Caller,
		}
	case StockAllocated:
		o.Allocations = e.Allocations
	case OrderHeld:
		o.Held = e.Rule
	case OrderApproved:
		o.Held, o.ApprovedBy = "", e.ApprovedBy
	case OrderConfirmed:
		o.Status, o.ConfirmedAt = StatusConfirmed, e.ConfirmedAt
		o.Shipments = cloneShipments(e.Shipments)
		o.nameLines()
	case OrderCancelled:
		o = o.cancelled(e)
	case OrderLinesCancelled:
		o = o.withoutLines(e)
		o.PartlyCancelled = true
	case ShippingAddressAmended:
		if o.Personal = e.Personal; e.RequestID != uuid.Nil {
			o = o.withRequest(e.request())
		}
	case DispatchOverdue:
		o.Overdue, o.OverdueSince = true, e.DeadlineAt
	case ShipmentDispatched:
		if s := o.shipment(e.ShipmentID); s != nil {
			o.loadShipping(s)
			s.Status, s.Carrier, s.TrackingNumber = ShipmentStatusDispatched, e.Carrier, e.TrackingNumber
			o.Overdue = o.Overdue && s.Digital()
		}
	case ShipmentTrackingCorrected:
		o = o.withTracking(e)
	case OrderShipped:
		o.Status, o.Overdue = StatusShipped, false
	case ShipmentDelivered:
		o.setShipment(e.ShipmentID, ShipmentStatusDelivered)
	case ShipmentLost:
		o.setShipment(e.ShipmentID, ShipmentStatusLost)
	case ShipmentRefused:
		o.setShipment(e.ShipmentID, ShipmentStatusRefused)
	case OrderDelivered:
		o.Status, o.DeliveredAt, o.Overdue = StatusDelivered, e.DeliveredAt, false
	case OrderReturned:
		o = o.withReturn(e)
	case OrderDetailsChanged:
		o = o.withDetails(e)
	case OrderNoted:
		o = o.withNote(e)
	case OrderClockAdvanced:
		o = o.advanced(e)
	default:
		return o.evolveEdit(e)
	}
	return o
}

// cancelled ends the order, and all that it still waited for. A shipment that has not left never will.
func (o Order) cancelled(e OrderCancelled) Order {
	o = o.Clone()
	o.Status, o.CancelReason, o.CancelledBy, o.RejectedBy = StatusCancelled, e.Reason, e.CancelledBy, e.RejectedBy
	o.Held, o.Overdue = "", false
	for i := range o.Shipments {
		if s := &o.Shipments[i]; s.Status == ShipmentStatusPlanned {
			s.Status = ShipmentStatusCancelled
		}
	}
	return o
}

func (o Order) setShipment(id uuid.UUID, status ShipmentStatus) {
	if s := o.shipment(id); s != nil {
		s.Status = status
	}
}

// Clone returns a copy that shares nothing which [Evolve] changes.
func (o Order) Clone() Order {
	o.Items, o.Returns, o.Reported = slices.Clone(o.Items), slices.Clone(o.Returns), slices.Clone(o.Reported)
	o.ShippingLines = slices.Clone(o.ShippingLines)
	o.Shipments = cloneShipments(o.Shipments)
	return o
}

func cloneShipments(shipments []Shipment) []Shipment {
	shipments = slices.Clone(shipments)
	for i := range shipments {
		shipments[i].Lines, shipments[i].Shipping = slices.Clone(shipments[i].Lines), slices.Clone(shipments[i].Shipping)
	}
	return shipments
}

// FulfillmentStatus sums up the shipments: unfulfilled, partially_shipped, shipped,
// partially_delivered, delivered, or undeliverable when none arrived and none will. Shipments whose
// pieces were all cancelled don't count.
func (o Order) FulfillmentStatus() string {
	var all, left, arrived, ended int
	for _, s := range o.Shipments {
		if s.Status == ShipmentStatusCancelled {
			continue
		}
		all++
		if s.Status != ShipmentStatusPlanned {
			left++
		}
		if s.Status == ShipmentStatusDelivered {
			arrived++
		}
		if s.Status.Ended() {
			ended++
		}
	}
	switch {
	case left == 0:
		return "unfulfilled"
	case ended == all && arrived == 0:
		return "undeliverable"
	case arrived == all:
		return "delivered"
	case arrived > 0:
		return "partially_delivered"
	case left == all:
		return "shipped"
	default:
		return "partially_shipped"
	}
}

// Shipment returns the shipment with this id.
func (o Order) Shipment(id uuid.UUID) (Shipment, bool) {
	if s := o.shipment(id); s != nil {
		return *s, true
	}
	return Shipment{}, false
}

func (o Order) shipment(id uuid.UUID) *Shipment {
	for i := range o.Shipments {
		if o.Shipments[i].ShipmentID == id {
			return &o.Shipments[i]
		}
	}
	return nil
}
