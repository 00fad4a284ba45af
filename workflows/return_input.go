package workflows

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// What a [ReturnInput] asks for, beside the decisions: [order.ReturnApprove], [order.ReturnRefuse] and
// [order.ReturnCancel].
const (
	// ReturnAtOnce reports goods that came back without a request: the zero value.
	ReturnAtOnce = order.ReturnAction("")
	// ReturnRequest asks to send goods back.
	ReturnRequest = order.ReturnAction("request")
	// ReturnReceive reports the goods of an approved return.
	ReturnReceive = order.ReturnAction("receive")
)

// ExchangeGoods says which goods of another order pay for a new one.
type ExchangeGoods = activities.ExchangeGoods

// ReturnInput asks for a return, decides on it, or reports its goods.
type ReturnInput struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// Action says which; the fields that it does not need are left out.
	Action order.ReturnAction `json:"action,omitempty"`
	// Lines are the goods that came back, or are to.
	Lines  []order.ReturnLine `json:"lines"`
	Reason string             `json:"reason"`
	By     string             `json:"by,omitempty"`
	// Carrier and TrackingNumber are those of the label of an approved return.
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber string `json:"tracking_number,omitempty"`
	// DecideWithin and ExpiresAfter are as in [order.AskToReturn] and [order.DecideReturn].
	DecideWithin time.Duration `json:"decide_within,omitempty"`
	ExpiresAfter time.Duration `json:"expires_after,omitempty"`
}

// KnownBy is what tells the request from another one. Settings are no part of it.
func (in ReturnInput) KnownBy() any {
	in.DecideWithin, in.ExpiresAfter = 0, 0
	type known ReturnInput
	return known(in)
}

// WorkflowID is the id of the execution. A return is requested once under its id. What is decided on it afterwards is
// known by what it says.
func (in ReturnInput) WorkflowID() string {
	id := "return-" + in.ReturnID.String()
	switch in.Action {
	case ReturnAtOnce, ReturnRequest:
		return id
	}
	said := fmt.Sprintf("%q %q %q %q %+v", in.By, in.Reason, in.Carrier, in.TrackingNumber, in.Lines)
	return fmt.Sprintf("%s-%s-%.8s", id, in.Action, domain.DerivedID(in.ReturnID, said))
}

// ReturnResult is where a return stands, what its goods had cost, and what is owed for them.
type ReturnResult struct {
	Amount money.Money `json:"amount"`
	// Refund is as in [activities.GoodsReturned].
	Refund *payment.RefundSummary `json:"refund,omitempty"`
	// Return is the return afterwards; left out by steps of before.
	Return account.Returned `json:"return,omitzero"`
	// Replayed is as in [Recorded].
	Replayed bool `json:"replayed,omitempty"`
}
