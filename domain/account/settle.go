package account

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Cancel decides what cancelling an order means for it and for its payment: what was captured elsewhere is owed.
// Errors: as [order.Cancel].
func Cancel(o order.Order, p payment.Payment, c order.CancelOrder) (orders, payments []domain.Event, err error) {
	orders, err = order.Cancel(o, c)
	if err != nil {
		return nil, nil, err
	}
	return orders, payment.OweUnapplied(p, c.At), nil
}

// CancelPart decides what cancelling pieces means for an order and for its payment. Errors: as [order.CancelPart].
func CancelPart(o order.Order, p payment.Payment, c order.CancelLines, limits money.Limits) (orders, payments []domain.Event, err error) {
	orders, err = order.CancelPart(o, c)
	if err != nil || len(orders) == 0 {
		return nil, nil, err
	}
	o = o.Clone()
	for _, e := range orders {
		o = order.Evolve(o, e)
	}
	return orders, Settle(o, p, c.RequestID, limits, c.At), nil
}

// Settle decides what becomes of the shares of an order once no shipment is to leave any more. It belongs into the
// append of the fact after which that is so.
//
// What no capture can take is paid for by money that was captured elsewhere, as far as there is such money, and waived
// beyond. What was captured with a share for goods that were cancelled afterwards is owed, and so is what was captured
// elsewhere for none. Fact names the fact, so that all of it is recorded once. Limits are what the gateway gives back.
func Settle(o order.Order, p payment.Payment, fact uuid.UUID, limits money.Limits, at time.Time) (events []domain.Event) {
	record := func(more ...domain.Event) {
		if len(events) == 0 && len(more) > 0 {
			p = p.Clone() // seldom is there anything to record
		}
		for _, e := range more {
			events, p = append(events, e), payment.Evolve(p, e)
		}
	}
	if missing, _ := o.Unsettled(p.Taken()); missing.IsPositive() {
		for _, s := range o.Shipments {
			if s.Status.Left() && !s.NeverArrived() {
				record(payment.Apply(p, s.ShipmentID, o.UncapturedOf(s, p.Captures, p.Taken()), at)...)
			}
		}
	}
	missing, excess := o.Unsettled(p.Taken())
	if missing.IsPositive() {
		waiver := payment.WaiveCapture{WaiverID: domain.DerivedID(fact, "waiver"), Amount: missing, Reason: payment.ReasonBelowMinimum, At: at}
		for _, s := range o.Shipments {
			if s.Status.Left() && !s.NeverArrived() {
				waiver.Lines = append(waiver.Lines, RefundLines(s, o.UncapturedOf(s, p.Captures, p.Taken()))...)
			}
		}
		record(payment.Waive(p, waiver)...)
	}
	if excess.IsPositive() {
		record(payment.Owe(p, payment.OweRefund{
			RefundID: domain.DerivedID(fact, "excess"), Amount: excess, Reason: payment.ReasonCapturedInExcess, Limits: limits, At: at,
		})...)
	}
	if o.Planned().IsZero() {
		record(payment.OweUnapplied(p, at)...)
	}
	return events
}

// RefundLines shares out an amount over the lines and shipping lines of a shipment, from the first one.
func RefundLines(s order.Shipment, amount money.Money) (lines []payment.RefundLine) {
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
