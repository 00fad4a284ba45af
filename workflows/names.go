package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// TaskQueue is where all sagas run.
const TaskQueue = "orderloom"

// Signals, updates and queries of an order's saga. All take one JSON object but [PaymentChanged].
//
// Requests and reports are updates: the saga answers with an [OrderState], or refuses with a reason. Each is also a
// signal of the same name, for tools that know no updates and for callers who can't wait.
const (
	// CancelOrder takes a [CancelRequest]. Update and signal.
	CancelOrder = "cancel_order"
	// CancelLines takes a [CancelLinesRequest]. Update and signal.
	CancelLines = "cancel_lines"
	// EditOrder takes an [EditRequest]. Update and signal.
	EditOrder = "edit_order"
	// AmendAddress takes an [AmendRequest]. Update and signal.
	AmendAddress = "amend_address"
	// CorrectTracking takes a [TrackingRequest]. Update and signal.
	CorrectTracking = "correct_tracking"
	// ProvidePayment takes a [PaymentRequest]. Update and signal.
	ProvidePayment = "provide_payment"
	// ApproveOrder and RejectOrder take a [ReviewRequest]. Updates and signals.
	ApproveOrder = "approve_order"
	RejectOrder  = "reject_order"

	// ShipmentDispatched takes a [Dispatch]. Update and signal.
	ShipmentDispatched = "shipment_dispatched"
	// ShipmentDelivered, ShipmentLost and ShipmentRefused take a [ShipmentReport]. Updates and signals.
	ShipmentDelivered = "shipment_delivered"
	ShipmentLost      = "shipment_lost"
	ShipmentRefused   = "shipment_refused"

	// AdvanceClock takes an [AdvanceRequest], of an order for trying. Update and signal.
	AdvanceClock = "advance_clock"

	// PaymentChanged takes nothing: others have recorded something about the order's payment. It is a reason to look at
	// the payment, and nothing more. Signal.
	PaymentChanged = "payment_changed"

	// ChildEnded takes a [ChildEnd]: an execution that an earlier run has started for the order is about to end. It is
	// a reason to look at the events. Signal.
	ChildEnded = "child_ended"

	// QueryState answers [OrderState]. Query.
	QueryState = "state"
)

// Signals of the sagas that wait for something on behalf of an order.
const (
	// PaymentUpdated takes a [PaymentUpdate]. Of [PaymentSaga].
	PaymentUpdated = "payment_updated"
	// StockServed takes nothing: goods that the order waits for were reserved. Of [InventorySaga].
	StockServed = "stock_served"
	// OrderWaits takes nothing: a run of the order's saga waits for the end of what an earlier run has started. It
	// wants to be told by [ChildEnded]. Of [PaymentSaga] and [InventorySaga].
	OrderWaits = "order_waits"
	// ClockAdvanced takes nothing: the clock of an order for trying was advanced. Of [PaymentSaga] and [InventorySaga].
	ClockAdvanced = "clock_advanced"
)

// ChildEnd says that an execution which waits for something on behalf of an order is about to end.
type ChildEnd struct {
	// ChildID and RunID are the workflow id and the run id of that execution.
	ChildID string `json:"child_id"`
	RunID   string `json:"run_id"`
	// Outcome is how it ends. What it did is in the order's events.
	Outcome ChildOutcome `json:"outcome"`
}

// ChildOutcome is how an execution that waits for something on behalf of an order ends.
type ChildOutcome string

// The ends of such an execution: it has an answer, it has failed or was refused, or somebody has cancelled it.
const (
	ChildDone      ChildOutcome = "done"
	ChildFailed    ChildOutcome = "failed"
	ChildCancelled ChildOutcome = "cancelled"
)

// Search attributes of an order's saga, all of type Keyword but the total and the attention.
const (
	// AttributeOrderStatus is one of the marks below while the order is under way, and then "delivered" or "cancelled".
	AttributeOrderStatus = "OrderStatus"
	// AttributeOrderAttention are the causes for which the order waits for a person, of package attention: a list of
	// keywords. It is absent while the order needs nobody.
	AttributeOrderAttention = "OrderAttention"
	AttributeCustomerID     = "CustomerId"
	AttributeOrderNumber    = "OrderNumber"
	AttributeOrderTotal     = "OrderTotal" // Double, in the order's currency; for searching only
)

// What [AttributeOrderStatus] says of an order under way.
const (
	// MarkOpen is an order that waits for nobody, or for its shipments.
	MarkOpen = "open"
	// MarkHeld is an order that waits for a review, MarkBackordered one that waits for goods, and MarkActionRequired
	// one that waits for its customer's bank.
	MarkHeld           = "held"
	MarkBackordered    = "backordered"
	MarkActionRequired = "action_required"
	// MarkPaymentRequired is an order that waits for money which is missing.
	MarkPaymentRequired = "payment_required"
	// MarkOverdue is an order of which no shipment has left by the dispatch deadline.
	MarkOverdue = "overdue"
	// MarkMoneyHeld is an order that has ended, and whose money the gateway has not let go.
	MarkMoneyHeld = "money_held"
)

// OrderSagaID is the workflow id of an order's saga.
func OrderSagaID(orderID uuid.UUID) string { return orderSagaPrefix + orderID.String() }

// OrderOfSaga returns the order whose saga has a workflow id. Is is false for the id of anything else.
func OrderOfSaga(workflowID string) (orderID uuid.UUID, is bool) {
	id, is := strings.CutPrefix(workflowID, orderSagaPrefix)
	orderID, err := uuid.Parse(id)
	return orderID, is && err == nil
}

const orderSagaPrefix = "order-"

// OrderInput starts an order's saga. It holds no personal data in the clear.
type OrderInput struct {
	OrderID       uuid.UUID     `json:"order_id"`
	CustomerID    string        `json:"customer_id"`
	Items         []order.Item  `json:"items"`
	ShipToCountry string        `json:"ship_to_country"`
	Personal      domain.Sealed `json:"personal"`
	// ShippingLines, Discounts and Rounding are as they were priced, and so are the items: see [order.Content.Priced].
	ShippingLines []order.ShippingLine `json:"shipping_lines,omitempty"`
	Discounts     []order.Discount     `json:"discounts,omitempty"`
	Rounding      pricing.Rounding     `json:"rounding,omitzero"`
	order.References
	// ShippingByValue is as in [order.Terms].
	ShippingByValue bool `json:"shipping_by_value,omitempty"`
	// Payment seals the payment token, a JSON string: what the payment gateway gave the customer's browser for a means
	// of payment. PaymentToken has it in the clear, for tools and tests.
	Payment      domain.Sealed `json:"payment,omitzero"`
	PaymentToken string        `json:"payment_token,omitempty"`
	// RequestHash tells a retry from another request under the same Idempotency-Key.
	RequestHash string `json:"request_hash"`
	// UserID is the account that places the order; empty for an open API.
	UserID string `json:"user_id,omitempty"`
	// AllowBackorder lets the order wait for goods that are not there.
	AllowBackorder bool `json:"allow_backorder,omitempty"`
	// KeepPaymentMethod says that the customer has agreed that the means of payment is authorised again for this order
	// without them.
	KeepPaymentMethod bool `json:"keep_payment_method,omitempty"`
	// Exchange is goods of another order that pay for this one; nil for none.
	Exchange *activities.ExchangeGoods `json:"exchange,omitempty"`
	// Deadlines are set by package sagaclient.
	Deadlines Deadlines `json:"deadlines"`
	// Resume starts the saga of an order that is there already: it needs the order's id and nothing else. The saga
	// goes on from the order's events, wherever it stands.
	Resume bool `json:"resume,omitempty"`
	// Carried is what a run that has continued as new has left to this one.
	Carried *Carried `json:"carried,omitempty"`
}

// Content is what is ordered, and what it costs.
func (in OrderInput) Content() order.Content {
	return order.Content{Items: in.Items, ShippingLines: in.ShippingLines, Discounts: in.Discounts, Rounding: in.Rounding}
}

// Total is what the order costs.
func (in OrderInput) Total() money.Money { return in.Content().Total() }

// Deadlines are the platform's settings: package config has the defaults. For zero see deadlineUnset.
type Deadlines = order.Deadlines

// deadlineUnset is how long a saga waits whose input sets no deadline: a tool's, or that of a program from before
// there were settings. It is longer than any default of the settings.
const deadlineUnset = 30 * 24 * time.Hour

// orUnset returns a deadline, or deadlineUnset when it is not set.
func orUnset(deadline time.Duration) time.Duration { return cmp.Or(max(deadline, 0), deadlineUnset) }

// CancelRequest asks to cancel an order.
type CancelRequest struct {
	// Reason is a word or a sentence, at most 200 characters.
	Reason string `json:"reason"`
	// By is "customer" or "operator", and the operator when it is left out.
	By string `json:"by"`
}

// CancelLinesRequest asks to take pieces out of an order before they leave.
type CancelLinesRequest struct {
	// RequestID makes the request repeatable.
	RequestID uuid.UUID            `json:"request_id"`
	Lines     []order.LineQuantity `json:"lines"`
	Reason    string               `json:"reason"`
	By        string               `json:"by"`
}

// EditRequest asks to change what an order holds, before anything of it leaves.
type EditRequest struct {
	// RequestID makes the request repeatable, and RequestHash stands for what it asks.
	RequestID   uuid.UUID `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	// Add are new lines as they were priced. Lines are the quantities that lines are to have.
	Add    []order.Item         `json:"add,omitempty"`
	Lines  []order.LineQuantity `json:"lines,omitempty"`
	Reason string               `json:"reason"`
	By     string               `json:"by"`
}

// Edit is the request in the domain's form.
func (r EditRequest) Edit() order.EditOrder {
	return order.EditOrder{RequestID: r.RequestID, RequestHash: r.RequestHash, Add: r.Add, Set: r.Lines, Reason: r.Reason, By: r.By}
}

// AmendRequest asks to send the order elsewhere within its country.
type AmendRequest struct {
	// RequestID and RequestHash tell a request that comes again from another one. Without an id each is a request of
	// its own.
	RequestID   uuid.UUID `json:"request_id,omitzero"`
	RequestHash string    `json:"request_hash,omitempty"`

	Country  string        `json:"country"`
	Personal domain.Sealed `json:"personal"`
	By       string        `json:"by"`
}

// byOperator lets a request count as an operator's that does not say whose it is. The API always says so, and others
// are people who work with Temporal's tools.
func (r *CancelRequest) byOperator()      { r.By = cmp.Or(r.By, order.ByOperator) }
func (r *CancelLinesRequest) byOperator() { r.By = cmp.Or(r.By, order.ByOperator) }
func (r *EditRequest) byOperator()        { r.By = cmp.Or(r.By, order.ByOperator) }
func (r *AmendRequest) byOperator()       { r.By = cmp.Or(r.By, order.ByOperator) }
func (r *ReviewRequest) byOperator()      { r.By = cmp.Or(r.By, order.ByOperator) }

// PaymentRequest gives another means of payment to an order that waits for money.
type PaymentRequest struct {
	// RequestID and RequestHash tell a request that comes again from another one.
	RequestID   uuid.UUID `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	// Token seals the payment token, a JSON string. Keep is as in [OrderInput].
	Token domain.Sealed `json:"token"`
	Keep  bool          `json:"keep_payment_method,omitempty"`
}

// PaymentState is where the money of an order stands that waits for it, or has.
type PaymentState struct {
	// Status is authorized, action_required or payment_required.
	Status payment.Status `json:"status"`
	// Required is what is missing, why, and until when it is waited for.
	Required *payment.Requirement `json:"required,omitempty"`
	// ActionURL is where the customer confirms, with action_required.
	ActionURL string `json:"action_url,omitempty"`
}

// ReviewRequest is a person's decision on an order that was held.
type ReviewRequest struct {
	// By is the role and the id of who decides, at most 200 characters, and "operator" when it is left out.
	By string `json:"by"`
}

// Dispatch reports that a shipment was handed to the carrier.
type Dispatch struct {
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	// Actor is who reports, in a signal: see [Actors].
	Actor actor.Actor `json:"actor,omitempty"`
	// After is as in [activities.DispatchShipment]: a person tries once more what the gateway has refused.
	After int `json:"after,omitempty"`
}

// TrackingRequest corrects the carrier and the tracking number of a shipment on its way.
type TrackingRequest struct {
	// RequestID tells the request when it comes again.
	RequestID      uuid.UUID `json:"request_id"`
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
}

// ShipmentReport reports what became of a shipment under way.
type ShipmentReport struct {
	ShipmentID uuid.UUID `json:"shipment_id"`
	// Actor is who reports, in a signal: see [Actors].
	Actor actor.Actor `json:"actor,omitempty"`
}

// ShipmentUpdate is a report about a shipment: the name of its update and signal, and what it takes.
type ShipmentUpdate struct {
	Name string
	// Report is a [Dispatch] or a [ShipmentReport].
	Report any
}

// PaymentUpdate says that a gateway has reported on a payment. It is a reason to ask the gateway, and nothing more.
type PaymentUpdate struct {
	// GatewayRef is the gateway's reference of the authorisation, for whoever reads the history.
	GatewayRef string `json:"gateway_ref,omitempty"`
}

// OrderState is what a saga says of its order.
type OrderState struct {
	OrderID     uuid.UUID    `json:"order_id"`
	OrderNumber string       `json:"order_number"`
	Status      order.Status `json:"status"`
	// Reason is why the order is cancelled, CancelledBy who wished it, and RejectedBy who has rejected it in a review.
	Reason      string `json:"reason,omitempty"`
	CancelledBy string `json:"cancelled_by,omitempty"`
	RejectedBy  string `json:"rejected_by,omitempty"`
	// ApprovedBy is who has approved the order in a review.
	ApprovedBy string           `json:"approved_by,omitempty"`
	Shipments  []order.Shipment `json:"shipments,omitempty"`
	// Payment is where the money stands, once it was missing.
	Payment *PaymentState `json:"payment,omitempty"`
	// WaitingFor says in words what the saga is waiting for.
	WaitingFor string `json:"waiting_for,omitempty"`
	// Replayed is true in an answer to a request that the order has had behind it: nothing was changed.
	Replayed bool `json:"replayed,omitzero"`
	// UnderWay is true in an answer to a request that is not carried out yet, and will be.
	UnderWay bool `json:"under_way,omitzero"`
	// Answers is what the caller gave with the request that is answered.
	Answers string `json:"answers,omitempty"`
	// Queue is the ids of the updates that are under way, in the answer to the query.
	Queue []string `json:"queue,omitempty"`
}

// Order returns the order as far as the saga tells it, for the domain to decide on.
func (s OrderState) Order() order.Order {
	return order.Order{
		ID: s.OrderID, Number: s.OrderNumber, Status: s.Status, CancelReason: s.Reason, CancelledBy: s.CancelledBy,
		ApprovedBy: s.ApprovedBy, RejectedBy: s.RejectedBy, Shipments: s.Shipments,
	}
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

// LocationChange adds a location, or changes one.
type LocationChange struct {
	// RequestID makes the request repeatable.
	RequestID uuid.UUID `json:"request_id"`
	// Add is a new location. Without it, Change says what becomes another at the location with this id.
	Add    *location.Location `json:"add,omitempty"`
	ID     string             `json:"id,omitempty"`
	Change location.Change    `json:"change,omitzero"`
}

// LocationID is the id of the location that is added or changed.
func (c LocationChange) LocationID() string {
	if c.Add != nil {
		return c.Add.ID
	}
	return c.ID
}

// LocationChanged is a location as it is after a change.
type LocationChanged struct {
	Location location.Location `json:"location"`
	// Replayed is as in [Recorded].
	Replayed bool `json:"replayed,omitempty"`
}

// RefundResult is where a refund stands that was asked for.
type RefundResult struct {
	Refund payment.RefundSummary `json:"refund"`
	// Replayed is as in [Recorded].
	Replayed bool `json:"replayed,omitempty"`
}

// Recorded is the answer to a receipt or an adjustment.
type Recorded struct {
	// Replayed is true when the same was recorded before.
	Replayed bool `json:"replayed,omitempty"`
}

// RefundInput asks to give money back without goods.
type RefundInput struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount,omitzero"`
	Reason   string      `json:"reason"`
	// Lines are what is asked for line by line; there is no amount then, because it follows from them.
	Lines []order.RefundLine `json:"lines,omitempty"`
	// Spread is as in [activities.RequestRefund].
	Spread bool `json:"spread,omitzero"`
	// After is how many attempts the caller has seen fail, for a refund that is tried again: see
	// [payment.RefundPayment]. The refund has its amount and reason already then.
	After int `json:"after,omitempty"`
}

// What names the refund for operators.
func (in RefundInput) What() string {
	if len(in.Lines) > 0 {
		return fmt.Sprintf("%d lines", len(in.Lines))
	}
	return in.Amount.String()
}

// OrderMemo stays with the execution, readable without a query for as long as Temporal keeps it.
type OrderMemo struct {
	OrderNumber string    `json:"order_number"`
	CustomerID  string    `json:"customer_id"`
	RequestHash string    `json:"request_hash"`
	Total       string    `json:"total"`
	Currency    string    `json:"currency"`
	AcceptedAt  time.Time `json:"accepted_at"`
	// Account has placed the order, in this channel; each is empty for none.
	Account string `json:"account,omitempty"`
	Channel string `json:"channel,omitempty"`
	// Failed says that the execution has failed. It is no part of what is kept. An order of which nothing is recorded
	// was refused then.
	Failed bool `json:"-"`
}
