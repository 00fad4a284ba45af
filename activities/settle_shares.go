package activities

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// settleShares records what becomes of the shares of an order once no shipment is to leave any more: see
// [account.Settle]. It fills in what is left to do with the order's money then.
func (a *Activities) settleShares(tx *eventstore.Tx, out *Moved, orderID, fact uuid.UUID, at time.Time) {
	id := payment.ID(orderID)
	o, p := eventstore.State(tx, orderAggregate, orderID), eventstore.State(tx, paymentAggregate, id)
	eventstore.Record(tx, paymentAggregate, id, account.Settle(o, p, fact, a.limits(o.Total.Currency), at)...)
	out.showMoney(o, eventstore.State(tx, paymentAggregate, id))
}

// oweUnshipped records what is owed for a shipment that was cancelled while its money was captured. A share of earlier
// shipments that was captured with it stays.
func (a *Activities) oweUnshipped(tx *eventstore.Tx, in DispatchShipment, captured money.Money) {
	o, p := eventstore.State(tx, orderAggregate, in.OrderID), eventstore.State(tx, paymentAggregate, payment.ID(in.OrderID))
	owed := p.Taken().Sub(o.Due())
	if owed.Cmp(captured) > 0 {
		owed = captured
	}
	a.oweRefund(tx, in.OrderID, payment.OweRefund{RefundID: in.refundID(), Amount: owed, Reason: payment.ReasonShipmentCancelled, At: in.At})
}

// oweForShipment records what is owed for a shipment that never arrived. What of it was not captured yet never is.
func (a *Activities) oweForShipment(tx *eventstore.Tx, o order.Order, s order.Shipment, reason string, at time.Time) {
	id := payment.ID(o.ID)
	p := eventstore.State(tx, paymentAggregate, id)
	open := o.UncapturedOf(s, p.Captures, p.Taken())
	eventstore.Record(tx, paymentAggregate, id, payment.Waive(p, payment.WaiveCapture{
		WaiverID: s.RefundID(), Amount: open, Reason: reason, Lines: account.RefundLines(s, open), At: at,
	})...)
	owed := payment.OweRefund{RefundID: s.RefundID(), Amount: s.Amount.Sub(open), Reason: reason, At: at}
	for _, part := range s.Parts() {
		owed.Lines = append(owed.Lines, account.Owed(o, part))
	}
	a.oweRefund(tx, o.ID, owed)
}

// oweRefund records an obligation within the decision on the fact that owes it.
func (a *Activities) oweRefund(tx *eventstore.Tx, orderID uuid.UUID, c payment.OweRefund) {
	id := payment.ID(orderID)
	c.Limits = a.limits(c.Amount.Currency)
	eventstore.Record(tx, paymentAggregate, id, payment.Owe(eventstore.State(tx, paymentAggregate, id), c)...)
}
