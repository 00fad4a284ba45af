package attention

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Cause is why somebody has to look.
type Cause string

// The causes that follow from an order and its payment.
const (
	// CauseVoidFailed is money that the gateway refuses to let go.
	CauseVoidFailed Cause = "void_failed"
	// CauseRefundFailed is a refund that the gateway has refused, or that came back.
	CauseRefundFailed Cause = "refund_failed"
	// CauseCaptureFailed is a shipment that can't leave, because the gateway refuses its money.
	CauseCaptureFailed Cause = "capture_failed"
	// CausePaymentRequired is an order that waits for money: an authorisation that was needed again was declined.
	CausePaymentRequired Cause = "payment_required"
	// CauseAuthorizationEnding is an authorisation that is about to end and can't be renewed without the customer.
	CauseAuthorizationEnding Cause = "authorization_ending"
	// CauseDisputeOpen is a claim of the customer at the bank that has not ended.
	CauseDisputeOpen Cause = "dispute_open"
	// CauseCapturedInExcess is money that was captured elsewhere, beyond what the order still costs.
	CauseCapturedInExcess Cause = "captured_in_excess"
	// CausePaymentDifference is an amount in which the gateway's ledger and the events disagree.
	CausePaymentDifference Cause = "payment_difference"
	// CauseGatewayCredentials is a gateway that refuses our credentials, so that nothing moves. It ends by itself when
	// the gateway answers again.
	CauseGatewayCredentials Cause = "gateway_credentials"
	// CauseOverdue is an order that waits for its first shipment beyond the dispatch deadline.
	CauseOverdue Cause = "overdue"
	// CauseReturnWaiting is a return that nobody has decided on in time.
	CauseReturnWaiting Cause = "return_waiting"
	// CauseExchangeUnpaid is an order that has a credit for goods which did not come.
	CauseExchangeUnpaid Cause = "exchange_unpaid"
)

// Causes are all that follow from an order and its payment.
func Causes() []Cause {
	return []Cause{
		CauseVoidFailed, CauseRefundFailed, CauseCaptureFailed, CausePaymentRequired, CauseAuthorizationEnding, CauseDisputeOpen,
		CauseCapturedInExcess, CausePaymentDifference, CauseGatewayCredentials, CauseOverdue, CauseReturnWaiting,
		CauseExchangeUnpaid,
	}
}

// Action is what somebody can do that makes nothing worse.
type Action string

// The actions. Each may be repeated.
const (
	// ActionRetry asks the gateway once more, under a key of its own.
	ActionRetry Action = "retry"
	// ActionResolve records how a person has settled it outside of the platform.
	ActionResolve Action = "resolve"
	// ActionDispatch reports the shipment again, which captures its money.
	ActionDispatch Action = "dispatch"
	// ActionNewPayment gives another means of payment: the customer's.
	ActionNewPayment Action = "new_payment"
	// ActionCancel cancels the order.
	ActionCancel Action = "cancel"
	// ActionRefund gives the amount back.
	ActionRefund Action = "refund"
	// ActionReconcile mends it at the gateway and compares again: "orderloom reconcile --order".
	ActionReconcile Action = "reconcile"
	// ActionAnswerDispute answers the claim in the gateway's dashboard.
	ActionAnswerDispute Action = "answer_dispute"
	// ActionMendCredentials gives the platform credentials that the gateway takes: its settings.
	ActionMendCredentials Action = "mend_credentials"
	// ActionDecideReturn approves the return, or refuses it.
	ActionDecideReturn Action = "decide_return"
)

// Item is one thing that waits for a person.
type Item struct {
	// AttentionID names it. It stays the same while the thing waits, however often it was tried.
	AttentionID uuid.UUID `json:"attention_id"`
	Cause       Cause     `json:"cause"`
	// Since is when it began to wait: the last failure, for what was tried.
	Since time.Time `json:"since"`
	// Amount is the money that it is about.
	Amount *money.Money `json:"amount,omitempty"`
	// Detail is the gateway's or the bank's reason.
	Detail string `json:"detail,omitempty"`
	// Attempts is how often it was tried.
	Attempts   int       `json:"attempts,omitempty"`
	RefundID   uuid.UUID `json:"refund_id,omitzero"`
	ShipmentID uuid.UUID `json:"shipment_id,omitzero"`
	ReturnID   uuid.UUID `json:"return_id,omitzero"`
	// GatewayRef is the gateway's reference of what it is about.
	GatewayRef string `json:"gateway_ref,omitempty"`
	// Actions are what can safely be done.
	Actions []Action `json:"actions"`
}

// Of tells what of an order waits for a person, in the order of [Causes]. It is nil for an order that needs nobody.
func Of(o order.Order, p payment.Payment) []Item {
	var items []Item
	if f := p.VoidFailure; f != nil {
		items = append(items, Item{
			AttentionID: Void(o.ID), Cause: CauseVoidFailed, Since: f.FailedAt, Amount: &f.Amount, Detail: f.Cause, Attempts: f.Attempt,
			GatewayRef: p.GatewayRef, Actions: []Action{ActionRetry, ActionResolve},
		})
	}
	for _, r := range p.Refunds {
		if r.Status() == payment.RefundStatusFailed {
			items = append(items, failedRefund(o, p, r))
		}
	}
	for _, f := range p.RefusedCaptures() {
		if s, known := o.Shipment(f.CaptureID); known && s.Status == order.ShipmentStatusPlanned {
			items = append(items, Item{
				AttentionID: Capture(o.ID, f.CaptureID), Cause: CauseCaptureFailed, Since: f.FailedAt, Amount: &f.Amount,
				Detail: f.Cause, Attempts: f.Attempt, ShipmentID: f.CaptureID, GatewayRef: p.GatewayRef, Actions: withCancel(o, ActionRetry, ActionDispatch),
			})
		}
	}
	items = append(items, missing(o, p)...)
	for _, d := range p.Disputes {
		if !d.Status.Ended() {
			items = append(items, Item{
				AttentionID: id(o.ID, CauseDisputeOpen, d.GatewayRef), Cause: CauseDisputeOpen, Since: d.OpenedAt, Amount: &d.Amount, Detail: d.Reason,
				GatewayRef: d.GatewayRef, Actions: []Action{ActionAnswerDispute},
			})
		}
	}
	items = append(items, excess(o, p)...)
	if p.Access.Refused() {
		items = append(items, Item{
			AttentionID: id(o.ID, CauseGatewayCredentials, ""), Cause: CauseGatewayCredentials, Since: p.Access.RefusedAt, GatewayRef: p.GatewayRef,
			Actions: []Action{ActionMendCredentials},
		})
	}
	if o.Overdue {
		items = append(items, Item{
			AttentionID: id(o.ID, CauseOverdue, ""), Cause: CauseOverdue, Since: o.OverdueSince, Actions: withCancel(o, ActionDispatch),
		})
	}
	for _, r := range o.Returns {
		if r.Overdue {
			items = append(items, Item{
				AttentionID: id(o.ID, CauseReturnWaiting, r.ReturnID.String()), Cause: CauseReturnWaiting, Since: r.DecideBy, Detail: r.Reason,
				ReturnID: r.ReturnID, Actions: []Action{ActionDecideReturn},
			})
		}
	}
	items = append(items, unpaidExchanges(o, p)...)
	for i := range items {
		items[i].Since = items[i].Since.UTC()
	}
	return items
}

// unpaidExchanges are the credits that other orders have for goods of this one that did not come.
func unpaidExchanges(o order.Order, p payment.Payment) (items []Item) {
	for _, r := range o.Returns {
		if r.ExchangeOrderID == uuid.Nil || r.Status.Open() {
			continue
		}
		creditID, since := order.Exchange{ReturnID: r.ReturnID}.CreditID(), r.EndedAt
		if r.Status == order.ReturnStatusReceived {
			since = r.ReturnedAt
		}
		if short := p.Standing(creditID).Sub(r.Amount); short.IsPositive() {
			items = append(items, Item{
				AttentionID: id(o.ID, CauseExchangeUnpaid, r.ReturnID.String()), Cause: CauseExchangeUnpaid, Since: since, Amount: &short,
				Detail: "order " + r.ExchangeOrderID.String() + " has a credit for them", ReturnID: r.ReturnID, RefundID: creditID,
				Actions: []Action{ActionResolve},
			})
		}
	}
	return items
}

// missing is money that an order lacks, or is about to lack.
func missing(o order.Order, p payment.Payment) (items []Item) {
	if r := p.Required; r != nil && !o.Status.Ended() {
		items = append(items, Item{
			AttentionID: id(o.ID, CausePaymentRequired, ""), Cause: CausePaymentRequired, Since: r.RequiredAt, Amount: &r.Amount, Detail: r.Reason,
			Actions: withCancel(o, ActionNewPayment),
		})
	}
	if e := p.Ending; e != nil && !o.Status.Ended() {
		items = append(items, Item{
			AttentionID: id(o.ID, CauseAuthorizationEnding, ""), Cause: CauseAuthorizationEnding, Since: e.EndingAt, Amount: &e.Amount, Detail: e.Reason,
			GatewayRef: p.GatewayRef, Actions: withCancel(o, ActionDispatch),
		})
	}
	return items
}

// excess are what was captured in excess, and the amounts that differ from the gateway's.
func excess(o order.Order, p payment.Payment) (items []Item) {
	if over := p.Unapplied().Sub(o.Uncaptured()); over.IsPositive() {
		items = append(items, Item{
			AttentionID: id(o.ID, CauseCapturedInExcess, ""), Cause: CauseCapturedInExcess, Since: p.CapturedElsewhereAt, Amount: &over,
			GatewayRef: p.GatewayRef, Actions: []Action{ActionRefund},
		})
	}
	for _, d := range p.Differences {
		items = append(items, Item{
			AttentionID: id(o.ID, CausePaymentDifference, d.What), Cause: CausePaymentDifference, Since: d.FoundAt, Amount: &d.Gateway,
			Detail: d.What + ": " + d.Gateway.String() + " at the gateway, " + d.Stream.String() + " in the events", GatewayRef: p.GatewayRef,
			Actions: []Action{ActionReconcile},
		})
	}
	return items
}

// MoneyHeld reports whether the gateway still holds money of an order that has ended. Nothing will capture it. Such an
// order is not finished: its saga stays open until the money is let go.
func MoneyHeld(o order.Order, p payment.Payment) bool {
	return o.Status.Ended() && p.HoldsMoney()
}

// CausesOf returns the causes of the items, each once; nil without items.
func CausesOf(items []Item) (causes []Cause) {
	for i, item := range items { // items of one cause stand together
		if i == 0 || items[i-1].Cause != item.Cause {
			causes = append(causes, item.Cause)
		}
	}
	return causes
}

// failedRefund is a refund that waits for somebody to try it again.
func failedRefund(o order.Order, p payment.Payment, r payment.Refund) Item {
	last := r.Attempts[0]
	for _, a := range r.Attempts {
		if a.Status == payment.RefundStatusFailed && !a.SettledAt.Before(last.SettledAt) {
			last = a
		}
	}
	amount := r.Remaining()
	item := Item{
		AttentionID: Refund(o.ID, r.RefundID), Cause: CauseRefundFailed, Since: last.SettledAt, Amount: &amount, Detail: r.Cause(),
		Attempts: len(r.Attempts), RefundID: r.RefundID, GatewayRef: last.GatewayRef, Actions: []Action{ActionRetry, ActionResolve},
	}
	if p.Disputed() {
		item.Actions = []Action{ActionResolve} // a retry waits for the end of the dispute
	}
	return item
}

// withCancel adds the cancellation of an order that can be cancelled.
func withCancel(o order.Order, actions ...Action) []Action {
	all := append([]Action{}, actions...)
	if order.CanCancel(o) == nil {
		all = append(all, ActionCancel)
	}
	return all
}

// Void is the id of the item of an order whose void the gateway refuses.
func Void(orderID uuid.UUID) uuid.UUID { return id(orderID, CauseVoidFailed, "") }

// Capture is the id of the item of a shipment whose money the gateway refuses.
func Capture(orderID, shipmentID uuid.UUID) uuid.UUID {
	return id(orderID, CauseCaptureFailed, shipmentID.String())
}

// Refund is the id of the item of a refund that failed.
func Refund(orderID, refundID uuid.UUID) uuid.UUID {
	return id(orderID, CauseRefundFailed, refundID.String())
}

func id(orderID uuid.UUID, c Cause, subject string) uuid.UUID {
	return domain.DerivedID(orderID, "attention/"+string(c)+"/"+subject)
}

// CodeNotPossible refuses an action that does not help what waits for a person.
const CodeNotPossible domain.ErrorCode = "action_not_possible"

// Allows says why an action is not among those that are safe; nil when it is. Error: action_not_possible.
func (i Item) Allows(action Action) error {
	if slices.Contains(i.Actions, action) {
		return nil
	}
	return domain.Refuse(CodeNotPossible, "%s does not help against %s: possible is %v", action, i.Cause, i.Actions)
}
