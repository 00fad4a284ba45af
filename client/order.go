package client

import (
	"time"

	"github.com/google/uuid"
)

// Money is an amount with all the digits that its currency has.
type Money struct {
	// Amount is a decimal number, such as "19.90".
	Amount string `json:"amount"`
	// Currency is an ISO 4217 code.
	Currency string `json:"currency"`
}

// String writes the amount and its currency: 19.90 EUR.
func (m Money) String() string { return m.Amount + " " + m.Currency }

// Address is where an order goes. Line1 and Country are always required; the country decides on the others.
type Address struct {
	// Line1 is street and number, or what takes their place.
	Line1 string `json:"line1,omitempty"`
	// Line2 is a flat, a floor or a building.
	Line2 string `json:"line2,omitempty"`
	// DependentLocality is a part of the city, where addresses name it.
	DependentLocality string `json:"dependent_locality,omitempty"`
	City              string `json:"city,omitempty"`
	// State is a state, province or prefecture, by its code or name.
	State string `json:"state,omitempty"`
	Zip   string `json:"zip,omitempty"`
	// Country is an ISO 3166-1 alpha-2 code.
	Country string `json:"country"`
}

// BillingAddress is where a bill goes. Without a name and a company it goes to the recipient there.
type BillingAddress struct {
	Name    string `json:"name,omitempty"`
	Company string `json:"company,omitempty"`
	Address
}

// Recipient is who gets an order.
type Recipient struct {
	// Name is required of a new order.
	Name    string `json:"name"`
	Company string `json:"company,omitempty"`
	// Phone has its country's code, or is as it is dialled in the country that the order goes to. It is shown in E.164.
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

// Labels are the lines of a label: for post within the country, and for post from abroad.
type Labels struct {
	Local []string `json:"local"`
	Latin []string `json:"latin"`
}

// OrderLabels are the labels of an order.
type OrderLabels struct {
	Shipping Labels `json:"shipping"`
	// Billing is nil where the bill goes to the recipient.
	Billing *Labels `json:"billing,omitempty"`
}

// NewOrder is an order to be placed.
type NewOrder struct {
	CustomerID string `json:"customer_id"`
	// Currency is an ISO 4217 code.
	Currency string    `json:"currency"`
	Items    []NewItem `json:"items"`
	// Recipient is required, with a name.
	Recipient       *Recipient `json:"recipient,omitempty"`
	ShippingAddress Address    `json:"shipping_address"`
	// BillingAddress is nil where the bill goes to the recipient.
	BillingAddress *BillingAddress `json:"billing_address,omitempty"`
	// CustomerNote is what the customer wants the shop to know, in one line or several.
	CustomerNote string `json:"customer_note,omitempty"`
	// AllowBackorder lets the order wait for goods that are not there; else it is cancelled as out of stock.
	AllowBackorder bool `json:"allow_backorder,omitempty"`
	// KeepPaymentMethod says that the customer has agreed that the means of payment is charged again for this order
	// without them. What leaves after an authorisation has run out needs that.
	KeepPaymentMethod bool `json:"keep_payment_method,omitempty"`
	// PricesIncludeTax says that the prices contain the taxes that the platform finds, or that do not say it.
	PricesIncludeTax bool              `json:"prices_include_tax,omitempty"`
	ShippingLines    []NewShippingLine `json:"shipping_lines,omitempty"`
	Discounts        []NewDiscount     `json:"discounts,omitempty"`
	Rounding         *Rounding         `json:"rounding,omitempty"`
	// ExternalReference is the shop's own name of the order, which no two orders of a caller have.
	ExternalReference string `json:"external_reference,omitempty"`
	// Channel is where the order comes from.
	Channel string `json:"channel,omitempty"`
	// Metadata is the shop's own.
	Metadata map[string]string `json:"metadata,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	// PaymentToken is what the payment gateway gave the customer's browser for a means of payment.
	PaymentToken string `json:"payment_token"`
}

// NewItem is a line of a [NewOrder].
type NewItem struct {
	ProductID string `json:"product_id"`
	SKU       string `json:"sku"`
	// Name is what people call it.
	Name     string `json:"name,omitempty"`
	Quantity int    `json:"quantity"`
	// UnitPrice is a decimal number, such as "19.90". A gift costs "0".
	UnitPrice string `json:"unit_price"`
	// Currency may be empty; otherwise it is the order's.
	Currency string `json:"currency,omitempty"`
	// TaxClass is the class by which the platform finds the taxes. Taxes are nil where it is to, and empty for none.
	TaxClass string   `json:"tax_class,omitempty"`
	Taxes    []NewTax `json:"taxes,omitzero"`
	// RequiresShipping is false for what ships nothing; nil is true.
	RequiresShipping *bool             `json:"requires_shipping,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
}

// OrderAccepted is an order right after it was placed.
type OrderAccepted struct {
	OrderID     uuid.UUID   `json:"order_id"`
	OrderNumber string      `json:"order_number"`
	Status      OrderStatus `json:"status"`
	CustomerID  string      `json:"customer_id"`
	Total       Money       `json:"total"`
}

// PlacedOrder is the answer to [Client.PlaceOrder].
type PlacedOrder struct {
	OrderAccepted
	// Order is the whole order when [Wait] was asked for and the API has waited; else nil.
	Order *Order `json:"-"`
	// Replayed is true when an earlier request under the same key has placed the order.
	Replayed bool `json:"-"`
}

// OrderStatus is where an order stands.
type OrderStatus string

// Statuses of an order. It is shipped once its first shipment has left, and delivered once the last one has arrived.
const (
	OrderCreated   OrderStatus = "created"
	OrderConfirmed OrderStatus = "confirmed"
	OrderShipped   OrderStatus = "shipped"
	OrderDelivered OrderStatus = "delivered"
	OrderCancelled OrderStatus = "cancelled"
)

// PaymentStatus is where an order's payment stands.
type PaymentStatus string

// Statuses of a payment.
const (
	PaymentPending PaymentStatus = "pending"
	// PaymentNotRequired is that of an order which costs nothing.
	PaymentNotRequired    PaymentStatus = "not_required"
	PaymentActionRequired PaymentStatus = "action_required"
	// PaymentRequired is an order that waits for money which is missing.
	PaymentRequired   PaymentStatus = "payment_required"
	PaymentAuthorized PaymentStatus = "authorized"
	PaymentDeclined   PaymentStatus = "declined"
	PaymentVoided     PaymentStatus = "voided"
	PaymentExpired    PaymentStatus = "expired"
	PaymentCaptured   PaymentStatus = "captured"
	PaymentRefunded   PaymentStatus = "refunded"
)

// FulfillmentStatus is where an order's shipments are, taken together.
type FulfillmentStatus string

// Statuses of fulfilment.
const (
	Unfulfilled        FulfillmentStatus = "unfulfilled"
	PartiallyShipped   FulfillmentStatus = "partially_shipped"
	Shipped            FulfillmentStatus = "shipped"
	PartiallyDelivered FulfillmentStatus = "partially_delivered"
	Delivered          FulfillmentStatus = "delivered"
	Undeliverable      FulfillmentStatus = "undeliverable"
)

// ShipmentStatus is where a shipment is.
type ShipmentStatus string

// Statuses of a shipment. It is refused when the recipient did not take it, and cancelled when all of it was cancelled
// before it left.
const (
	ShipmentPlanned    ShipmentStatus = "planned"
	ShipmentDispatched ShipmentStatus = "dispatched"
	ShipmentDelivered  ShipmentStatus = "delivered"
	ShipmentLost       ShipmentStatus = "lost"
	ShipmentRefused    ShipmentStatus = "refused"
	ShipmentCancelled  ShipmentStatus = "cancelled"
)

// Order is an order as the API shows it.
type Order struct {
	OrderID uuid.UUID `json:"order_id"`
	// Account is the one whose key has placed it; empty for an open platform.
	Account     string      `json:"account,omitempty"`
	OrderNumber string      `json:"order_number"`
	CustomerID  string      `json:"customer_id"`
	Status      OrderStatus `json:"status"`
	// Settled is true once the order is finished, its money included. It has ended, the gateway holds no money of it,
	// and every refund is paid.
	Settled           bool              `json:"settled"`
	PaymentStatus     PaymentStatus     `json:"payment_status"`
	FulfillmentStatus FulfillmentStatus `json:"fulfillment_status"`
	Total             Money             `json:"total"`
	Captured          Money             `json:"captured"`
	Refunded          Money             `json:"refunded"`
	Items             []Item            `json:"items"`
	// ShippingLines and Discounts are as they were priced, without what was cancelled. Totals explain the total; nil
	// where that is just the price of the items.
	ShippingLines []ShippingLine `json:"shipping_lines,omitempty"`
	Discounts     []Discount     `json:"discounts,omitempty"`
	Rounding      *Rounding      `json:"rounding,omitempty"`
	Totals        *Totals        `json:"totals,omitempty"`
	// Shipments is empty until the order is confirmed.
	Shipments []Shipment `json:"shipments"`
	// ExternalReference is the shop's own name of the order, which no two orders of a caller have.
	ExternalReference string `json:"external_reference,omitempty"`
	// Channel is where the order comes from.
	Channel string `json:"channel,omitempty"`
	// Metadata is the shop's own.
	Metadata map[string]string `json:"metadata,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	// NoteCount is how many internal notes the order has: see [Client.ListNotes].
	NoteCount int `json:"note_count,omitempty"`
	// Refunds are those that are owed, asked for or made.
	Refunds []Refund `json:"refunds,omitempty"`
	// RefundRest is what is owed in all and less than the payment gateway gives back. The next refund takes it along.
	RefundRest *Money `json:"refund_rest,omitempty"`
	// Waived is what of the order's goods is never charged; nil for nothing.
	Waived *Money `json:"waived,omitempty"`
	// Hold is there while the gateway refuses to let go of what was authorised.
	Hold     *Hold     `json:"hold,omitempty"`
	Disputes []Dispute `json:"disputes,omitempty"`
	// MissingPayment is the money that the order waits for.
	MissingPayment *MissingPayment `json:"payment_required,omitempty"`
	// Attention is what of the order waits for a person.
	Attention []Attention `json:"attention,omitempty"`
	// Returns are those that were requested or came back, oldest first.
	Returns []Return `json:"returns,omitempty"`
	// Held is the rule that asked for a review which nobody has made yet.
	Held string `json:"held,omitempty"`
	// Overdue is true while the order waits for its first shipment beyond the deadline for dispatching.
	Overdue bool `json:"overdue,omitempty"`
	// Parked are the streams, "order" or "payment", with later events that can't be shown. An operator has to look.
	Parked []string `json:"parked,omitempty"`
	// DeliveredAt is when the last shipment arrived; nil before that.
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	// CancelReason is a word such as out_of_stock when the platform cancelled it, else what the caller gave.
	CancelReason string `json:"cancel_reason,omitempty"`
	// CancelledBy is who wished the cancellation: "customer", "operator", or "system", which is the platform itself.
	CancelledBy string `json:"cancelled_by,omitempty"`
	// ApprovedBy and RejectedBy are who has reviewed the order.
	ApprovedBy string `json:"approved_by,omitempty"`
	RejectedBy string `json:"rejected_by,omitempty"`
	// PaymentActionURL is where the customer confirms the payment, while the bank and the order wait for that.
	PaymentActionURL string `json:"payment_action_url,omitempty"`
	ShipToCountry    string `json:"ship_to_country"`
	// ShippingAddress is nil once it is erased, while the order is provisional, and in lists that did not ask for it.
	ShippingAddress *Address `json:"shipping_address,omitempty"`
	// Recipient, BillingAddress and CustomerNote come and go with the address. Recipient is nil also of an order from
	// before names were required.
	Recipient      *Recipient      `json:"recipient,omitempty"`
	BillingAddress *BillingAddress `json:"billing_address,omitempty"`
	CustomerNote   string          `json:"customer_note,omitempty"`
	// Erased is true when the personal data of this order was erased.
	Erased bool `json:"erased,omitempty"`
	// Provisional is true when the order is accepted and nothing more is recorded yet.
	Provisional bool `json:"provisional,omitempty"`
	// Timeline comes with [ExpandTimeline] only.
	Timeline []TimelineEntry `json:"timeline,omitempty"`
	// Customer comes with [ExpandCustomer] only; it is nil while the customer's first order is not counted yet.
	Customer *CustomerSummary `json:"customer,omitempty"`
	// Labels comes with [ExpandLabels] only; it is nil once the personal data are erased.
	Labels    *OrderLabels `json:"labels,omitempty"`
	CreatedAt time.Time    `json:"created_at"`
	UpdatedAt time.Time    `json:"updated_at"`
	// Version is the number of the order's events so far, PaymentVersion that of its payment's.
	Version        int64 `json:"version"`
	PaymentVersion int64 `json:"payment_version"`

	// ETag is for [IfNoneMatch]; empty when the API gave none, and in lists.
	ETag string `json:"-"`
}

// Item is a line of an order. One that was cancelled whole is not shown any more.
type Item struct {
	// LineID names the line, from its placing on. Two lines of one SKU have two.
	LineID    uuid.UUID `json:"line_id"`
	ProductID string    `json:"product_id"`
	SKU       string    `json:"sku"`
	Name      string    `json:"name,omitempty"`
	Quantity  int       `json:"quantity"`
	UnitPrice Money     `json:"unit_price"`
	TaxClass  string    `json:"tax_class,omitempty"`
	// RequiresShipping is false for what ships nothing; nil is true.
	RequiresShipping *bool             `json:"requires_shipping,omitempty"`
	Metadata         map[string]string `json:"metadata,omitempty"`
	// Money explains what the line costs; nil where that is just the price of its pieces.
	Money *Breakdown `json:"money,omitempty"`
}

// Shipment is a part of an order that leaves from one location.
type Shipment struct {
	ShipmentID uuid.UUID `json:"shipment_id"`
	// Location is empty for what ships nothing.
	Location string         `json:"location"`
	Lines    []ShipmentLine `json:"lines"`
	// Shipping is what it carries of the order's shipping lines.
	Shipping []ShippingShare `json:"shipping,omitempty"`
	// Amount is the part of the total that is captured when it leaves.
	Amount         Money          `json:"amount"`
	Status         ShipmentStatus `json:"status"`
	Carrier        string         `json:"carrier,omitempty"`
	TrackingNumber string         `json:"tracking_number,omitempty"`
}

// ShipmentLine is what a shipment holds of one of the order's lines.
type ShipmentLine struct {
	LineID    uuid.UUID `json:"line_id"`
	SKU       string    `json:"sku"`
	Quantity  int       `json:"quantity"`
	UnitPrice Money     `json:"unit_price"`
	// Returned is how many of the pieces came back after their delivery, and Cancelled how many were taken out before.
	Returned  int `json:"returned,omitempty"`
	Cancelled int `json:"cancelled,omitempty"`
	// Money explains what the pieces cost, the cancelled ones too; nil where that is just their price.
	Money *Breakdown `json:"money,omitempty"`
}

// RefundStatus is where a refund stands.
type RefundStatus string

// The states of a refund. What is owed stays owed when it fails: [Client.RetryRefund] tries it again.
const (
	RefundOwed      RefundStatus = "owed"
	RefundRequested RefundStatus = "requested"
	RefundPending   RefundStatus = "pending"
	RefundPaid      RefundStatus = "paid"
	RefundFailed    RefundStatus = "failed"
)

// Refund is money that goes back to the customer.
type Refund struct {
	RefundID uuid.UUID    `json:"refund_id"`
	Amount   Money        `json:"amount"`
	Status   RefundStatus `json:"status"`
	Reason   string       `json:"reason"`
	// Cause is why it failed, or why it waits.
	Cause string `json:"cause,omitempty"`
	// Attempts is how often the gateway was asked.
	Attempts int `json:"attempts"`
	// Covered is what is owed besides, and other refunds give back that nobody owed; nil for nothing.
	Covered *Money `json:"covered,omitempty"`
	// MadeElsewhere is true when others have made the refund at the gateway.
	MadeElsewhere bool         `json:"made_elsewhere,omitempty"`
	Lines         []RefundLine `json:"lines,omitempty"`
	CreatedAt     time.Time    `json:"created_at"`
	// RefundedAt is when the last of it was paid; nil before.
	RefundedAt *time.Time `json:"refunded_at,omitempty"`
}

// RefundLine is what one line or shipping line of the order gets back.
type RefundLine struct {
	// LineID is the id of the line, or of the shipping line.
	LineID uuid.UUID `json:"line_id"`
	Amount Money     `json:"amount"`
	// Quantity is the pieces that it is for; zero where it is an amount.
	Quantity int `json:"quantity,omitempty"`
	// Money tells what of the amount is price, discount and tax; nil where it is just price.
	Money *Breakdown `json:"money,omitempty"`
}

// Hold is money that the gateway refuses to let go of.
type Hold struct {
	// Attempt is how often the gateway has refused.
	Attempt  int       `json:"attempt"`
	Amount   Money     `json:"amount"`
	Cause    string    `json:"cause"`
	FailedAt time.Time `json:"failed_at"`
}

// Dispute is a claim of the customer at the bank to get captured money back.
type Dispute struct {
	GatewayRef string `json:"gateway_ref"`
	Amount     Money  `json:"amount"`
	// Status is open, funds_withdrawn, won or lost.
	Status   string    `json:"status"`
	Reason   string    `json:"reason,omitempty"`
	OpenedAt time.Time `json:"opened_at"`
}

// OrderState is where an order stands after a change, or after a refused one.
type OrderState struct {
	OrderID     uuid.UUID   `json:"order_id"`
	OrderNumber string      `json:"order_number"`
	Status      OrderStatus `json:"status"`
	// Reason is why it is cancelled.
	Reason string `json:"reason,omitempty"`
	// CancelledBy, ApprovedBy and RejectedBy are as in [Order].
	CancelledBy string     `json:"cancelled_by,omitempty"`
	ApprovedBy  string     `json:"approved_by,omitempty"`
	RejectedBy  string     `json:"rejected_by,omitempty"`
	Shipments   []Shipment `json:"shipments,omitempty"`
	// WaitingFor is what the order's saga is waiting for, in words.
	WaitingFor string `json:"waiting_for,omitempty"`
	// Settled is as in [Order], in the answer to a cancellation. It is nil in others, and while that can't be read.
	Settled *bool `json:"settled,omitempty"`
}

// TimelineEntry is an event of an order, its payment or its stock.
type TimelineEntry struct {
	// Sequence orders all events of the platform; it has gaps.
	Sequence int64     `json:"sequence"`
	EventID  uuid.UUID `json:"event_id"`
	// AggregateType is "order", "payment" or "inventory".
	AggregateType string    `json:"aggregate_type"`
	AggregateID   uuid.UUID `json:"aggregate_id"`
	Version       int64     `json:"version"`
	EventType     string    `json:"event_type"`
	Summary       string    `json:"summary"`
	OccurredAt    time.Time `json:"occurred_at"`
	// CausedBy is the saga and the step of it.
	CausedBy string `json:"caused_by"`
	// Actor is who asked for it, as "<role>/<id>"; empty for what happened by itself.
	Actor string `json:"actor,omitempty"`
}

// CustomerSummary counts a customer's orders.
type CustomerSummary struct {
	CustomerID string `json:"customer_id"`
	Orders     int    `json:"orders"`
	Cancelled  int    `json:"cancelled"`
	Delivered  int    `json:"delivered"`
	// Totals is what was ordered and not cancelled, one amount per currency.
	Totals []Money `json:"totals"`
	// Refunded is what went back to the customer: the gateway has paid it, or has accepted it and pays later. This and
	// the sums below are of cancelled orders too, one amount per currency.
	Refunded []Money `json:"refunded"`
	// Owed is what is to go back besides: it is owed, or was asked for and has no answer.
	Owed []Money `json:"owed"`
	// Disputed is what the customer claims at the bank in disputes that are open.
	Disputed []Money `json:"disputed"`
	// DisputesLost is what the customer's bank has taken back for good. Refunded does not count it.
	DisputesLost []Money   `json:"disputes_lost"`
	FirstOrderAt time.Time `json:"first_order_at"`
	LastOrderAt  time.Time `json:"last_order_at"`
}
