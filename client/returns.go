package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// ReturnStatus is where a return stands.
type ReturnStatus string

// The states of a return.
const (
	ReturnRequested ReturnStatus = "requested"
	ReturnApproved  ReturnStatus = "approved"
	// ReturnReceived is a return whose goods came back, and ReturnRefunded one of which nothing is owed any more.
	ReturnReceived  ReturnStatus = "received"
	ReturnRefunded  ReturnStatus = "refunded"
	ReturnRefused   ReturnStatus = "refused"
	ReturnCancelled ReturnStatus = "cancelled"
	// ReturnExpired is an approved return whose goods did not come in time.
	ReturnExpired ReturnStatus = "expired"
)

// ReturnReason is why pieces come back.
type ReturnReason string

// The reasons.
const (
	ReasonDamaged        ReturnReason = "damaged"
	ReasonDefective      ReturnReason = "defective"
	ReasonWrongItem      ReturnReason = "wrong_item"
	ReasonNotAsDescribed ReturnReason = "not_as_described"
	ReasonDoesNotFit     ReturnReason = "does_not_fit"
	ReasonArrivedLate    ReturnReason = "arrived_late"
	ReasonChangedMind    ReturnReason = "changed_mind"
	ReasonOther          ReturnReason = "other"
)

// Return is goods that came back, or are to.
type Return struct {
	ReturnID uuid.UUID    `json:"return_id"`
	Status   ReturnStatus `json:"status"`
	// Lines are empty of returns from before they were kept with the order, as are Reason and ReturnedAt.
	Lines []ReturnPieces `json:"lines,omitempty"`
	// Amount is what the goods had cost; nil before they came.
	Amount *Money `json:"amount,omitempty"`
	// NothingOwed says that nothing was to be refunded for them: all of it went back before.
	NothingOwed bool   `json:"nothing_owed,omitempty"`
	Reason      string `json:"reason,omitempty"`
	// RequestedBy is empty for goods that came without a request.
	RequestedBy string    `json:"requested_by,omitempty"`
	RequestedAt time.Time `json:"requested_at,omitzero"`
	// DecideBy is until when somebody should decide, and Overdue is true once nobody has by then.
	DecideBy time.Time `json:"decide_by,omitzero"`
	Overdue  bool      `json:"overdue,omitempty"`
	// ExchangeOrderID is the order that the goods pay for; zero for none.
	ExchangeOrderID uuid.UUID `json:"exchange_order_id,omitzero"`
	// Carrier and TrackingNumber are those of the label.
	Carrier        string    `json:"carrier,omitempty"`
	TrackingNumber string    `json:"tracking_number,omitempty"`
	ApprovedBy     string    `json:"approved_by,omitempty"`
	ApprovedAt     time.Time `json:"approved_at,omitzero"`
	// ExpiresAt is until when the goods are expected.
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	ReturnedAt time.Time `json:"returned_at,omitzero"`
	// EndReason is why it was refused or cancelled, and EndedBy who has done it.
	EndReason string    `json:"end_reason,omitempty"`
	EndedBy   string    `json:"ended_by,omitempty"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// ReturnPieces are pieces of a line that are to come back, or came.
type ReturnPieces struct {
	LineID   uuid.UUID `json:"line_id"`
	SKU      string    `json:"sku"`
	Quantity int       `json:"quantity"`
	// Received of them came, and Restocked of these are in the stock again.
	Received  int          `json:"received,omitempty"`
	Restocked int          `json:"restocked,omitempty"`
	Reason    ReturnReason `json:"reason,omitempty"`
	Note      string       `json:"note,omitempty"`
}

// ReturnGoods is the request of [Client.ReturnGoods].
type ReturnGoods struct {
	// Status is [ReturnRequested] for goods that are to come, and empty or [ReturnReceived] for those that came.
	Status ReturnStatus `json:"status,omitempty"`
	// By is as in [CancelOrder], of a return that is requested.
	By     string       `json:"by,omitempty"`
	Lines  []ReturnLine `json:"lines"`
	Reason string       `json:"reason"`
}

// ReturnLine is pieces of one line that come back. The line is named as in [LineQuantity].
type ReturnLine struct {
	LineID   uuid.UUID `json:"line_id,omitzero"`
	SKU      string    `json:"sku,omitempty"`
	Quantity int       `json:"quantity"`
	// Restock is false for pieces that can't be sold again; nil is true. Location takes them in; empty is the one that
	// they had left from. Neither is told before the pieces came.
	Restock  *bool  `json:"restock,omitempty"`
	Location string `json:"location,omitempty"`
	// Reason is required where the return is requested.
	Reason ReturnReason `json:"reason,omitempty"`
	Note   string       `json:"note,omitempty"`
}

// ReturnedGoods is the answer to [Client.ReturnGoods], and to what is decided on a return.
type ReturnedGoods struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// Amount is what the goods had cost; nil before they came.
	Amount *Money `json:"amount,omitempty"`
	// Refund is what is owed for them; nil when all of it went back before.
	Refund *Refund `json:"refund,omitempty"`
	// Return is the return afterwards.
	Return Return `json:"return"`
	// Replayed is true when an earlier request has done it.
	Replayed bool `json:"-"`
}

// StandingReturn is a return as it was asked for.
type StandingReturn struct {
	OrderID  uuid.UUID      `json:"order_id"`
	ReturnID uuid.UUID      `json:"return_id"`
	Lines    []StandingLine `json:"lines"`
	Reason   string         `json:"reason"`
}

// StandingLine is pieces of a line that came back, which is named as it was asked for. Restock is false for pieces that
// can't be sold again.
type StandingLine struct {
	LineID   uuid.UUID    `json:"line_id,omitzero"`
	SKU      string       `json:"sku,omitempty"`
	Quantity int          `json:"quantity"`
	Restock  bool         `json:"restock"`
	Location string       `json:"location,omitempty"`
	Reason   ReturnReason `json:"reason,omitempty"`
	Note     string       `json:"note,omitempty"`
}

// ReturnGoods takes goods back, or requests that. What is owed for goods that came is owed until it is paid, which may
// be later. Errors: invalid for a SKU that several lines have, with their ids; not_returnable before the delivery;
// return_window_closed; too_many_returns.
func (c *Client) ReturnGoods(ctx context.Context, id uuid.UUID, goods ReturnGoods, options ...CallOption) (ReturnedGoods, error) {
	return c.changeReturn(ctx, orderPath(id)+"/returns", goods, options)
}

// PreviewReturnGoods tells what [Client.ReturnGoods] would do. A return that is requested would come to that if its
// goods came now. Errors: those of the request itself.
func (c *Client) PreviewReturnGoods(ctx context.Context, id uuid.UUID, goods ReturnGoods, options ...CallOption) (Preview, error) {
	return c.preview(ctx, orderPath(id)+"/returns", goods, options)
}

// ApprovedReturn is the request of [Client.ApproveReturn].
type ApprovedReturn struct {
	// By is as in [Review].
	By string `json:"by,omitempty"`
	// Carrier and TrackingNumber are those of the label, if there is one.
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber string `json:"tracking_number,omitempty"`
}

// ApproveReturn lets the goods of a return come. It may be repeated. Error: return_decided.
func (c *Client) ApproveReturn(ctx context.Context, orderID, returnID uuid.UUID, r ApprovedReturn, options ...CallOption) (ReturnedGoods, error) {
	return c.changeReturn(ctx, returnPath(orderID, returnID)+"/approve", r, options)
}

// RefusedReturn is the request of [Client.RefuseReturn].
type RefusedReturn struct {
	// By is as in [Review].
	By     string `json:"by,omitempty"`
	Reason string `json:"reason"`
}

// RefuseReturn does not take the goods of a return. It may be repeated. Error: return_decided.
func (c *Client) RefuseReturn(ctx context.Context, orderID, returnID uuid.UUID, r RefusedReturn, options ...CallOption) (ReturnedGoods, error) {
	return c.changeReturn(ctx, returnPath(orderID, returnID)+"/refuse", r, options)
}

// CancelledReturn is the request of [Client.CancelReturn].
type CancelledReturn struct {
	// By is as in [CancelOrder].
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// CancelReturn ends a return whose goods do not come after all. It may be repeated. Error: return_decided.
func (c *Client) CancelReturn(ctx context.Context, orderID, returnID uuid.UUID, r CancelledReturn, options ...CallOption) (ReturnedGoods, error) {
	return c.changeReturn(ctx, returnPath(orderID, returnID)+"/cancel", r, options)
}

// ReceivedReturn is the request of [Client.ReceiveReturn].
type ReceivedReturn struct {
	Lines []ReturnLine `json:"lines"`
}

// ReceiveReturn takes the goods of an approved return. What is owed for them is owed until it is paid, which may be
// later. It may be repeated. Errors: return_not_approved; return_decided; unknown_location.
func (c *Client) ReceiveReturn(ctx context.Context, orderID, returnID uuid.UUID, r ReceivedReturn, options ...CallOption) (ReturnedGoods, error) {
	return c.changeReturn(ctx, returnPath(orderID, returnID)+"/receive", r, options)
}

// PreviewReceiveReturn tells what [Client.ReceiveReturn] would do. Errors: those of the request itself.
func (c *Client) PreviewReceiveReturn(ctx context.Context, orderID, returnID uuid.UUID, r ReceivedReturn, options ...CallOption) (Preview, error) {
	return c.preview(ctx, returnPath(orderID, returnID)+"/receive", r, options)
}

// OrderReturns are the returns of an order.
type OrderReturns struct {
	OrderID uuid.UUID `json:"order_id"`
	Returns []Return  `json:"returns"`
}

// ListOrderReturns shows the returns of an order, oldest first. Error: not_found.
func (c *Client) ListOrderReturns(ctx context.Context, id uuid.UUID, options ...CallOption) (OrderReturns, error) {
	var returns OrderReturns
	_, err := c.sendRequest(ctx, newRequest(http.MethodGet, orderPath(id)+"/returns", nil, options), into(&returns))
	return returns, err
}

func (c *Client) changeReturn(ctx context.Context, path string, body any, options []CallOption) (ReturnedGoods, error) {
	var returned ReturnedGoods
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, path, body, options), into(&returned))
	returned.Replayed = a.replayed()
	return returned, err
}

func returnPath(orderID, returnID uuid.UUID) string {
	return orderPath(orderID) + "/returns/" + returnID.String()
}
