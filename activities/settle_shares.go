package activities

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// settleShares records what becomes of the shares of an order once no shipment is to leave any more. It belongs into
// the append of the fact after which that is so. What no capture can take is paid for by money that was captured
// elsewhere, as far as there is such money, and waived beyond. What was captured with a share for goods that were
// cancelled afterwards is owed, and so is what was captured elsewhere for none. Fact names the fact, so that all of it
// is recorded once.
//
// It fills in what is left to do with the order's money then.
func (a *Activities) settleShares(tx *eventstore.Tx, out *Moved, orderID, fact uuid.UUID, at time.Time) {
	id := payment.ID(orderID)
	o := eventstore.State(tx, orderAggregate, orderID)
	if missing, _ := o.Unsettled(eventstore.State(tx, paymentAggregate, id).Taken()); missing.IsPositive() {
		applyUnapplied(tx, o, at)
	}
	p := eventstore.State(tx, paymentAggregate, id)
	missing, excess := o.Unsettled(p.Taken())
	if missing.IsPositive() {
		waiver := payment.WaiveCapture{WaiverID: domain.DerivedID(fact, "waiver"), Amount: missing, Reason: payment.ReasonBelowMinimum, At: at}
		for _, s := range o.Shipments {
			if s.Status.Left() && !s.NeverArrived() {
				waiver.Lines = append(waiver.Lines, refundLines(s, o.UncapturedOf(s, p.Captures, p.Taken()))...)
			}
		}
		eventstore.Record(tx, paymentAggregate, id, payment.Waive(p, waiver)...)
	}
	if excess.IsPositive() {
		a.oweRefund(tx, orderID, payment.OweRefund{
			RefundID: domain.DerivedID(fact, "excess"), Amount: excess, Reason: payment.ReasonCapturedInExcess, At: at,
		})
	}
	if o.Planned().IsZero() {
		eventstore.Record(tx, paymentAggregate, id, payment.OweUnapplied(eventstore.State(tx, paymentAggregate, id), at)...)
	}
	out.showMoney(o, eventstore.State(tx, paymentAggregate, id))
}

// applyUnapplied pays for the shares that no capture has taken with money that was captured elsewhere.
func applyUnapplied(tx *eventstore.Tx, o order.Order, at time.Time) {
	id := payment.ID(o.ID)
	for _, s := range o.Shipments {
		if p := eventstore.State(tx, paymentAggregate, id); s.Status.Left() && !s.NeverArrived() {
			eventstore.Record(tx, paymentAggregate, id, payment.Apply(p, s.ShipmentID, o.UncapturedOf(s, p.Captures, p.Taken()), at)...)
		}
	}
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
		WaiverID: s.RefundID(), Amount: open, Reason: reason, Lines: refundLines(s, open), At: at,
	})...)
	owed := payment.OweRefund{RefundID: s.RefundID(), Amount: s.Amount.Sub(open), Reason: reason, At: at}
	for _, part := range s.Parts() {
		owed.Lines = append(owed.Lines, account.Owed(o, part))
	}
	a.oweRefund(tx, o.ID, owed)
}

// refundLines shares out an amount over the lines and shipping lines of a shipment, from the first one.
func refundLines(s order.Shipment, amount money.Money) (lines []payment.RefundLine) {
	for _, part := range s.Parts() {
		cost := part.Amount
		if cost.Cmp(amount) > 0 {
			cost = amount
		}
		if cost.IsPositive() {
			lines, amount = append(lines, payment.RefundLine{LineID: part.LineID, Amount: cost}), amount.Sub(cost)
		}
	}
	return lines
}

// oweRefund records an obligation within the decision on the fact that owes it.
func (a *Activities) oweRefund(tx *eventstore.Tx, orderID uuid.UUID, c payment.OweRefund) {
	id := payment.ID(orderID)
	c.Limits = a.limits(c.Amount.Currency)
	eventstore.Record(tx, paymentAggregate, id, payment.Owe(eventstore.State(tx, paymentAggregate, id), c)...)
}
