package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// TaskQueue is where all sagas run.
const TaskQueue = "orderloom"

// Signals, updates and queries of an order's saga. What a person asks for is an update (it answers,
// and refuses with a reason) and, for tools that know no updates, a signal of the same name. What the
// world reports is a signal. All take one JSON object.
const (
	// CancelOrder takes a [CancelRequest]. Update (answers [OrderState]) and signal.
	CancelOrder = "cancel_order"
	// ShipmentDispatched takes a [Dispatch]. Signal.
	ShipmentDispatched = "shipment_dispatched"
	// ShipmentDelivered takes a [Delivery]. Signal.
	ShipmentDelivered = "shipment_delivered"
	// PaymentUpdated takes a [PaymentUpdate]: the gateway's news about a payment it had left open. Signal.
	PaymentUpdated = "payment_updated"
	// QueryState answers [OrderState]. Query.
	QueryState = "state"
)

// Search attributes of an order's saga, all of type Keyword but the total.
const (
	AttributeOrderStatus = "OrderStatus"
	AttributeCustomerID  = "CustomerId"
	AttributeOrderNumber = "OrderNumber"
	AttributeOrderTotal  = "OrderTotal" // Double, in the order's currency; for searching only
)

// OrderSagaID is the workflow id of an order's saga.
func OrderSagaID(orderID uuid.UUID) string { return "order-" + orderID.String() }

// OrderInput starts an order's saga. It holds no personal data in the clear.
type OrderInput struct {
	OrderID       uuid.UUID     `json:"order_id"`
	CustomerID    string        `json:"customer_id"`
	Items         []order.Item  `json:"items"`
	ShipToCountry string        `json:"ship_to_country"`
	Personal      domain.Sealed `json:"personal"`
	// PaymentToken is what the payment gateway gave the customer's browser for a means of payment.
	PaymentToken string `json:"payment_token"`
	// RequestHash tells a retry from another request under the same Idempotency-Key.
	RequestHash string `json:"request_hash"`
	// UserID is the authenticated caller.
	UserID string `json:"user_id,omitempty"`
}

// CancelRequest asks to cancel an order.
type CancelRequest struct {
	// Reason is a word or a sentence, at most 200 characters.
	Reason string `json:"reason"`
	// By is "customer" or "operator".
	By string `json:"by"`
}

// Dispatch reports that a parcel was handed to the carrier.
type Dispatch struct {
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
}

// Delivery reports that a parcel has arrived.
type Delivery struct {
	ShipmentID uuid.UUID `json:"shipment_id"`
}

// PaymentUpdate is the gateway's news about a payment that it had left open.
type PaymentUpdate struct {
	GatewayRef string `json:"gateway_ref"`
	// Status is "authorized" or "declined".
	Status      string `json:"status"`
	DeclineCode string `json:"decline_code,omitempty"`
}

// OrderState is what a saga says of its order.
type OrderState struct {
	OrderID     uuid.UUID        `json:"order_id"`
	OrderNumber string           `json:"order_number"`
	Status      order.Status     `json:"status"`
	Reason      string           `json:"reason,omitempty"`
	Shipments   []order.Shipment `json:"shipments,omitempty"`
	// WaitingFor says in words what the saga is waiting for.
	WaitingFor string `json:"waiting_for,omitempty"`
}

// StockReceipt reports goods that arrived.
type StockReceipt struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	Quantity  int       `json:"quantity"`
}

// StockAdjustment corrects what is on hand.
type StockAdjustment struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
}

// OrderMemo stays with the execution, readable without a query for as long as Temporal keeps it.
type OrderMemo struct {
	OrderNumber string    `json:"order_number"`
	CustomerID  string    `json:"customer_id"`
	RequestHash string    `json:"request_hash"`
	Total       string    `json:"total"`
	Currency    string    `json:"currency"`
	AcceptedAt  time.Time `json:"accepted_at"`
}
