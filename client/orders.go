package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

const ordersPath = "/api/v1/orders"

func orderPath(id uuid.UUID) string { return ordersPath + "/" + id.String() }

// Wait lets [Client.PlaceOrder] wait on the server until the order is settled, for at most d in whole seconds. The API
// has a longest wait of its own, some seconds.
func Wait(d time.Duration) CallOption {
	return func(r *request) { r.prefer = "wait=" + strconv.FormatInt(int64(d/time.Second), 10) }
}

// PlaceOrder places an order. It is accepted for good once this returns without an error. With [Wait] the API answers
// when the order is settled.
func (c *Client) PlaceOrder(ctx context.Context, o NewOrder, options ...CallOption) (PlacedOrder, error) {
	var placed PlacedOrder
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, ordersPath, o, options), func(a answer, content []byte) error {
		if a.header.Get("Preference-Applied") == "" {
			return json.Unmarshal(content, &placed.OrderAccepted)
		}
		placed.Order = new(Order)
		if err := json.Unmarshal(content, placed.Order); err != nil {
			return err
		}
		whole := placed.Order
		placed.OrderAccepted = OrderAccepted{
			OrderID: whole.OrderID, OrderNumber: whole.OrderNumber, Status: whole.Status, CustomerID: whole.CustomerID, Total: whole.Total,
		}
		return nil
	})
	placed.Replayed = a.replayed()
	return placed, err
}

// ErrNotModified says that the order is as the ETag of [IfNoneMatch] says.
var ErrNotModified = errors.New("the order is as it was")

// MinVersion asks [Client.GetOrder] for this version of the order or a later one. The API waits for it for a bounded
// time.
func MinVersion(version int64) CallOption {
	return func(r *request) { r.set("min_version", strconv.FormatInt(version, 10)) }
}

// IfNoneMatch makes [Client.GetOrder] fail with [ErrNotModified] while the order's ETag is this one.
func IfNoneMatch(etag string) CallOption { return func(r *request) { r.ifNoneMatch = etag } }

// ExpandTimeline makes [Client.GetOrder] show the order's timeline too.
func ExpandTimeline() CallOption { return func(r *request) { r.set("expand[]", "timeline") } }

// ExpandCustomer makes [Client.GetOrder] show the customer's summary too.
func ExpandCustomer() CallOption { return func(r *request) { r.set("expand[]", "customer") } }

// ExpandLabels makes [Client.GetOrder] show the labels for the order's addresses too.
func ExpandLabels() CallOption { return func(r *request) { r.set("expand[]", "labels") } }

// GetOrder shows an order. An order that was accepted is never not_found; see [Order.Provisional].
func (c *Client) GetOrder(ctx context.Context, id uuid.UUID, options ...CallOption) (Order, error) {
	var o Order
	r := newRequest(http.MethodGet, orderPath(id), nil, options)
	r.accepts = func(status int) bool { return status == http.StatusNotModified }
	a, err := c.sendRequest(ctx, r, func(a answer, content []byte) error {
		if a.status == http.StatusNotModified {
			return ErrNotModified
		}
		return json.Unmarshal(content, &o)
	})
	o.ETag = a.header.Get("Etag")
	return o, err
}

// Actor is who wishes a change.
type Actor string

// Who can wish a change; empty is the customer.
const (
	ByCustomer Actor = "customer"
	ByOperator Actor = "operator"
)

// Outcome is where an order stands after a request to change it.
type Outcome struct {
	OrderState
	// Pending is true when the change is under way and not done yet. RetryAfter says when to look.
	Pending    bool          `json:"-"`
	RetryAfter time.Duration `json:"-"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// CancelOrder is the request of [Client.CancelOrder].
type CancelOrder struct {
	// Reason is recorded, so it should hold nothing personal.
	Reason string `json:"reason"`
	// By is on whose behalf it is asked for. Left out, it follows from the role of the key: the customer for a
	// storefront and a customer, and an operator for others. Those may ask for a customer too.
	By Actor `json:"by,omitempty"`
}

// CancelOrder cancels an order: its payment is voided and its stock released. Errors: not_cancellable once a shipment
// has left; already_cancelled when it is cancelled for another reason or by another.
func (c *Client) CancelOrder(ctx context.Context, id uuid.UUID, cancel CancelOrder, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(id)+"/cancel", cancel, options)
}

// CancelLines is the request of [Client.CancelLines].
type CancelLines struct {
	Lines  []LineQuantity `json:"lines"`
	Reason string         `json:"reason"`
	By     Actor          `json:"by,omitempty"`
}

// LineQuantity is some pieces of one line of an order. The line is named by its id, or by a SKU that no other line of
// the order has.
type LineQuantity struct {
	LineID   uuid.UUID `json:"line_id,omitzero"`
	SKU      string    `json:"sku,omitempty"`
	Quantity int       `json:"quantity"`
}

// CancelLines takes pieces out of shipments that have not left. Errors: invalid for a SKU that several lines have, with
// their ids; nothing_left when the whole order would be cancelled.
func (c *Client) CancelLines(ctx context.Context, id uuid.UUID, cancel CancelLines, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(id)+"/lines/cancel", cancel, options)
}

// EditOrder is the request of [Client.EditOrder] and [Client.PreviewEdit].
type EditOrder struct {
	// Add are new lines; their prices contain their taxes where PricesIncludeTax says so.
	Add              []NewItem `json:"add,omitempty"`
	PricesIncludeTax bool      `json:"prices_include_tax,omitempty"`
	// Lines are the quantities that lines are to have; 0 takes a line out.
	Lines  []LineQuantity `json:"lines,omitempty"`
	Reason string         `json:"reason"`
	By     Actor          `json:"by,omitempty"`
}

// EditPreview is what an edit would come to.
type EditPreview struct {
	// Preview is true.
	Preview bool `json:"preview"`
	// TotalBefore and Total are what the order costs without and with the edit. Difference may be below zero.
	TotalBefore   Money          `json:"total_before"`
	Total         Money          `json:"total"`
	Difference    Money          `json:"difference"`
	Items         []Item         `json:"items"`
	ShippingLines []ShippingLine `json:"shipping_lines,omitempty"`
}

// EditOrder changes what an order holds, before anything of it leaves. Errors: not_editable; edit_declined when the
// money was declined, and the order is as it was; payment_method_not_kept; out_of_stock.
func (c *Client) EditOrder(ctx context.Context, id uuid.UUID, edit EditOrder, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(id)+"/edit", edit, options)
}

// PreviewEdit tells what an edit would come to, and changes nothing. Errors: as [Client.EditOrder].
func (c *Client) PreviewEdit(ctx context.Context, id uuid.UUID, edit EditOrder, options ...CallOption) (EditPreview, error) {
	var p EditPreview
	r := newRequest(http.MethodPost, orderPath(id)+"/edit", edit, options)
	r.set("preview", "true")
	_, err := c.sendRequest(ctx, r, into(&p))
	return p, err
}

// AmendOrder is the request of [Client.AmendOrder].
// What is nil stays as it is.
type AmendOrder struct {
	Recipient       *RecipientChange `json:"recipient,omitempty"`
	ShippingAddress *Address         `json:"shipping_address,omitempty"`
	BillingAddress  *BillingAddress  `json:"billing_address,omitempty"`
	// BillToRecipient takes the billing address out.
	BillToRecipient bool `json:"bill_to_recipient,omitempty"`
	// CustomerNote is another note; an empty one takes it out.
	CustomerNote *string `json:"customer_note,omitempty"`
	By           Actor   `json:"by,omitempty"`
}

// RecipientChange is what of a [Recipient] becomes another. What is nil stays, and an empty text takes the company,
// phone or email out.
type RecipientChange struct {
	Name    *string `json:"name,omitempty"`
	Company *string `json:"company,omitempty"`
	Phone   *string `json:"phone,omitempty"`
	Email   *string `json:"email,omitempty"`
}

// AmendOrder changes whom and where an order goes to. Errors: not_amendable once a shipment has left; country_fixed for
// another country.
func (c *Client) AmendOrder(ctx context.Context, id uuid.UUID, amend AmendOrder, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(id)+"/amend", amend, options)
}

// Review is the request of [Client.ApproveOrder] and [Client.RejectOrder].
type Review struct {
	// By is a name for an API that is open to everyone. It is left out otherwise: the platform knows who asks.
	By string `json:"by,omitempty"`
}

// ApproveOrder lets an order go on that was held for a review. Errors: not_held; already_reviewed by somebody else, or
// otherwise.
func (c *Client) ApproveOrder(ctx context.Context, id uuid.UUID, review Review, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(id)+"/approve", review, options)
}

// RejectOrder cancels an order that was held for a review. Errors: as [Client.ApproveOrder].
func (c *Client) RejectOrder(ctx context.Context, id uuid.UUID, review Review, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(id)+"/reject", review, options)
}

func (c *Client) change(ctx context.Context, path string, body any, options []CallOption) (Outcome, error) {
	var o Outcome
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, path, body, options), into(&o.OrderState))
	o.Pending, o.RetryAfter, o.Replayed = a.pending(), retryAfter(a.header), a.replayed()
	return o, err
}

// RefundPayment is the request of [Client.RefundPayment].
type RefundPayment struct {
	// Amount is a decimal number, such as "5.00". It is empty where there are lines.
	Amount string `json:"amount,omitempty"`
	// Currency is the order's. It may be empty where there are lines.
	Currency string `json:"currency,omitempty"`
	// Lines are what goes back line by line, instead of an amount.
	Lines []RefundLineRequest `json:"lines,omitempty"`
	// Spread shares the amount out over all that is left of the order's lines and shipping lines.
	Spread bool   `json:"spread,omitempty"`
	Reason string `json:"reason"`
}

// RefundLineRequest asks for the money of one line: of some pieces, or an amount.
type RefundLineRequest struct {
	// LineID names the line. SKU names one that no other line has.
	LineID uuid.UUID `json:"line_id,omitzero"`
	SKU    string    `json:"sku,omitempty"`
	// ShippingLineID names a shipping line instead. Without an amount, all that is left of it goes back.
	ShippingLineID uuid.UUID `json:"shipping_line_id,omitzero"`
	// Quantity is the pieces of which all goes back that they have cost. Amount is a decimal number instead of it.
	Quantity int    `json:"quantity,omitempty"`
	Amount   string `json:"amount,omitempty"`
}

// RefundedPayment is the answer to [Client.RefundPayment].
type RefundedPayment struct {
	OrderID uuid.UUID `json:"order_id"`
	Refund  Refund    `json:"refund"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// StandingRefund is a refund as it was asked for.
type StandingRefund struct {
	OrderID  uuid.UUID `json:"order_id"`
	RefundID uuid.UUID `json:"refund_id"`
	// Amount is nil where it follows from the lines.
	Amount *Money              `json:"amount,omitempty"`
	Lines  []RefundLineRequest `json:"lines,omitempty"`
	Spread bool                `json:"spread,omitempty"`
	Reason string              `json:"reason"`
}

// RefundPayment gives money back without goods. Its amount is reserved when it answers, and it may be paid later.
// Errors: refund_exceeds_capture; refund_under_way; payment_disputed; gateway_refused.
func (c *Client) RefundPayment(ctx context.Context, id uuid.UUID, refund RefundPayment, options ...CallOption) (RefundedPayment, error) {
	var refunded RefundedPayment
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, orderPath(id)+"/refunds", refund, options), into(&refunded))
	refunded.Replayed = a.replayed()
	return refunded, err
}

// RetryRefund tries a refund once more that has failed, and tells of any other where it stands. Errors: not_found;
// refund_exceeds_capture; payment_disputed; gateway_refused.
func (c *Client) RetryRefund(ctx context.Context, id, refundID uuid.UUID, options ...CallOption) (RefundedPayment, error) {
	var refunded RefundedPayment
	path := orderPath(id) + "/refunds/" + refundID.String() + "/retry"
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, path, struct{}{}, options), into(&refunded))
	refunded.Replayed = a.replayed()
	return refunded, err
}

// Timeline is what happened to an order, its payment and its stock, oldest first.
type Timeline struct {
	OrderID uuid.UUID       `json:"order_id"`
	Events  []TimelineEntry `json:"events"`
}

// GetTimeline shows an order's timeline. It is empty in the moment before anything is recorded.
func (c *Client) GetTimeline(ctx context.Context, id uuid.UUID, options ...CallOption) (Timeline, error) {
	var t Timeline
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, orderPath(id)+"/events", nil, options), into(&t))
	return t, err
}
