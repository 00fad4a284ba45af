package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// DispatchShipment is the input of [Activities.DispatchShipment].
type DispatchShipment struct {
	OrderID        uuid.UUID `json:"order_id"`
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	// After is how many refusals of the gateway a person has seen who tries it again: it is asked at once then.
	After int `json:"after,omitempty"`
	// Location and SKUs say which reservations leave with the shipment.
	Location string    `json:"location"`
	SKUs     []string  `json:"skus"`
	At       time.Time `json:"at"`
}

// Moved is the order after a step about its shipments or its end, as its events tell it.
type Moved struct {
	Status      order.Status     `json:"status"`
	Reason      string           `json:"reason,omitempty"`
	CancelledBy string           `json:"cancelled_by,omitempty"`
	RejectedBy  string           `json:"rejected_by,omitempty"`
	Shipments   []order.Shipment `json:"shipments"`
	// Refunds are those that a saga has to carry on with: see [payment.Payment.OpenRefunds].
	Refunds []uuid.UUID `json:"refunds,omitempty"`
	// Replayed is true when the step had nothing to do, because the order has had this behind it.
	Replayed bool `json:"replayed,omitempty"`
	Captures
}

// Captures is how far the captures of an order are, after a step that moves them.
type Captures struct {
	// Open is what has left and is captured with a later shipment. It is below zero for what was captured with an
	// earlier one.
	Open money.Money `json:"open,omitzero"`
	// HoldsMore is true when no shipment is to leave any more, and the gateway still holds money.
	HoldsMore bool `json:"holds_more,omitempty"`
}

// showMoney fills in what is left to do with the order's money.
func (m *Moved) showMoney(o order.Order, p payment.Payment) {
	m.Captures, m.Refunds = capturesOf(o, p), p.OpenRefunds()
}

// capturesOf tells how far the captures of an order are.
func capturesOf(o order.Order, p payment.Payment) (c Captures) {
	if o.Planned().IsPositive() {
		if open := o.Due().Sub(p.Taken()); !open.IsZero() {
			c.Open = open
		}
		return c
	}
	c.HoldsMore = (p.HoldsMoney() || p.Required != nil) && p.VoidFailure == nil && len(o.Shipments) > 0
	return c
}

// moved returns the order after the events.
func moved(o order.Order, events []domain.Event) Moved {
	o = orderAfter(o, events)
	return Moved{
		Status: o.Status, Reason: o.CancelReason, CancelledBy: o.CancelledBy, RejectedBy: o.RejectedBy,
		Shipments: o.Shipments, Replayed: len(events) == 0,
	}
}

// DispatchShipment captures a shipment's money and records that it has left. The payment's stream, the order's and
// those of the stock get their events together, or none does. Nobody is charged for a shipment that can't leave, and
// nothing leaves unpaid. What was captured elsewhere pays for shipments first.
//
// When a shipment is cancelled while its money is captured, the money is owed with the capture and goes back. When the
// gateway refuses, it is asked what has happened to the payment meanwhile. The same capture is then answered with the
// recorded refusal, until [payment.RefusedShortlyBefore] says no more, or a person tries it again.
//
// Refusals: not_found; shipment_not_found; not_dispatchable; reservation_not_found; not_capturable;
// authorization_expired; capture_exceeds_authorization; gateway_refused.
func (a *Activities) DispatchShipment(ctx context.Context, in DispatchShipment) (Moved, error) {
	st := stamp(ctx, "dispatch/"+in.ShipmentID.String(), in.OrderID, in.At)
	out, err := a.captureAndDispatch(ctx, st, in)
	if domain.Code(err) == payments.CodeGatewayRefused && !errors.Is(err, errNotAsked) {
		// Somebody may have captured or let go at the gateway what this was to be taken from.
		recorded, findErr := a.RecordGatewayEvent(ctx, RecordGatewayEvent{PaymentID: payment.ID(in.OrderID), At: in.At})
		switch {
		case findErr != nil:
			return Moved{}, findErr
		case recorded.Recorded > 0:
			out, err = a.captureAndDispatch(ctx, st, in)
		}
	}
	if domain.Code(err) == order.CodeNotDispatchable {
		refund := RefundPayment{OrderID: in.OrderID, RefundID: in.refundID(), At: in.At}
		if _, refundErr := a.RefundPayment(ctx, refund); refundErr != nil {
			return Moved{}, refundErr
		}
	}
	if err != nil {
		return Moved{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

func (a *Activities) captureAndDispatch(ctx context.Context, st eventstore.Stamp, in DispatchShipment) (out Moved, err error) {
	id := payment.ID(in.OrderID)
	capture := payment.CapturePayment{CaptureID: in.ShipmentID, At: in.At}
	request := payments.CaptureRequest{At: in.At, PaymentID: id}
	attempt := 1
	var access payment.Access
	var left, paid, joins bool // joins: the share is captured with the next shipment's, or by nobody
	decision := asked(ctx, "dispatch/"+in.ShipmentID.String(), in.OrderID, in.At)
	err = a.events.Decide(ctx, decision, in.streams(), func(tx *eventstore.Tx) error {
		d, err := in.decideDispatch(tx)
		if left = len(d.order) == 0; err != nil {
			return err
		}
		o, p := eventstore.State(tx, orderAggregate, in.OrderID), eventstore.State(tx, paymentAggregate, id)
		if left {
			out = moved(o, nil)
			out.showMoney(o, p)
			return nil
		}
		// Before the money is captured: what is recorded with it afterwards has no precondition any more.
		if err := eventstore.Require(tx); err != nil {
			return err
		}
		attempt, access = p.CaptureAttempt(in.ShipmentID), p.Access
		request.IdempotencyKey = payment.CaptureKey(id, in.ShipmentID, p.Generation, attempt)
		limits := a.limits(o.Total.Currency)
		share := o.Share(in.ShipmentID, p.Taken(), limits)
		capture.Applied = p.Applicable(share, limits)
		capture.Amount = share.Sub(capture.Applied)
		request.Amount = capture.Amount
		if joins = share.IsZero(); joins {
			return nil
		}
		request.GatewayRef, request.Capturable, request.AskedAt = p.GatewayRef, p.Capturable(), askedToCapture(o)
		events, err := payment.Capture(p, capture)
		if f, refused := payment.RefusedShortlyBefore(p, capture); err == nil && refused && in.After < f.Attempt {
			return refusedShortlyBefore(f)
		}
		paid = len(events) == 0
		return err
	})
	if err != nil || left {
		return out, err
	}
	if !paid && capture.Amount.IsPositive() {
		taken, err := a.gateway.Capture(ctx, request)
		if err = a.noteAccess(ctx, in.OrderID, access, in.At, err); err != nil {
			return out, a.failCapture(ctx, in, payment.FailedCapture{
				CaptureID: in.ShipmentID, Attempt: attempt, Amount: capture.Amount, Carrier: in.Carrier, TrackingNumber: in.TrackingNumber, At: in.At,
			}, err)
		}
		// An earlier request under this key may have been for another amount: the order has changed since.
		capture.GatewayRef, capture.Amount = taken.Ref, taken.Amount
	}
	return a.recordDispatch(ctx, st, in, capture, joins)
}

// recordDispatch records the capture, and that the shipment has left. Of a shipment that was cancelled meanwhile it
// records what the customer is owed for it.
func (a *Activities) recordDispatch(
	ctx context.Context, st eventstore.Stamp, in DispatchShipment, capture payment.CapturePayment, joins bool,
) (out Moved, err error) {
	id := payment.ID(in.OrderID)
	var refusal error
	err = a.events.Decide(ctx, st, in.streams(), func(tx *eventstore.Tx) error {
		if !joins {
			events, err := payment.Capture(eventstore.State(tx, paymentAggregate, id), capture)
			if err != nil {
				return err
			}
			// The money is taken, whatever has become of the shipment meanwhile.
			eventstore.Record(tx, paymentAggregate, id, events...)
		}
		var d dispatchDecision
		d, refusal = in.decideDispatch(tx)
		switch {
		case refusal == nil:
			out = moved(eventstore.State(tx, orderAggregate, in.OrderID), d.order)
			d.record(tx, in.OrderID)
		case domain.Code(refusal) == order.CodeNotDispatchable:
			a.oweUnshipped(tx, in, capture.Amount.Add(capture.Applied))
		default:
			return nil
		}
		a.settleShares(tx, &out, in.OrderID, in.ShipmentID, in.At)
		return nil
	})
	if err != nil {
		return out, err
	}
	return out, refusal
}

// failCapture returns the error of a capture. A refusal of the gateway is recorded before, so that it is seen.
func (a *Activities) failCapture(ctx context.Context, in DispatchShipment, c payment.FailedCapture, err error) error {
	id := payment.ID(in.OrderID)
	var refused *domain.Error
	if errors.As(err, &refused) {
		c.Cause = refused.Message
		st := stamp(ctx, fmt.Sprintf("dispatch/%s/failed/%d", in.ShipmentID, c.Attempt), in.OrderID, in.At)
		recordErr := changeAggregate(ctx, a, paymentAggregate, id, st, func(p payment.Payment) ([]domain.Event, error) {
			return payment.FailCapture(p, c), nil
		})
		if recordErr != nil {
			return recordErr
		}
	}
	return fmt.Errorf("capture from payment %s: %w", id, err)
}

// errNotAsked is the cause of a refusal that the gateway was not asked for again.
var errNotAsked = errors.New("the gateway has refused the same a short while ago")

// refusedShortlyBefore is the gateway's refusal of a capture, as it was recorded.
func refusedShortlyBefore(f payment.CaptureFailure) error {
	refused := domain.Refuse(payments.CodeGatewayRefused, "%s", f.Cause)
	refused.Err = errNotAsked
	return refused
}

// refundID is the id of what is owed when the shipment's money was captured in vain.
func (in DispatchShipment) refundID() uuid.UUID {
	return order.Shipment{ShipmentID: in.ShipmentID}.RefundID()
}

func (in DispatchShipment) streams() []eventstore.StreamID {
	streams := []eventstore.StreamID{
		{Type: domain.AggregateOrder, ID: in.OrderID}, {Type: domain.AggregatePayment, ID: payment.ID(in.OrderID)},
	}
	for _, sku := range in.SKUs {
		streams = append(streams, eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.ID(sku, in.Location)})
	}
	return streams
}

// dispatchDecision is what is recorded when a shipment leaves: nothing when it has left before.
type dispatchDecision struct {
	order []domain.Event
	items []itemEvents
}

type itemEvents struct {
	id     uuid.UUID
	events []domain.Event
}

// decideDispatch decides what a shipment's leaving means for the order and the stock.
func (in DispatchShipment) decideDispatch(tx *eventstore.Tx) (d dispatchDecision, err error) {
	d.order, err = order.Dispatch(eventstore.State(tx, orderAggregate, in.OrderID), order.DispatchShipment{
		ShipmentID: in.ShipmentID, Carrier: in.Carrier, TrackingNumber: in.TrackingNumber, At: in.At,
	})
	if err != nil || len(d.order) == 0 {
		return dispatchDecision{}, err
	}
	for _, sku := range in.SKUs {
		id := inventory.ID(sku, in.Location)
		events, err := inventory.Commit(eventstore.State(tx, stockAggregate, id), inventory.CommitStock{
			SKU: sku, Location: in.Location, OrderID: in.OrderID, At: in.At,
		})
		if err != nil {
			return dispatchDecision{}, err
		}
		d.items = append(d.items, itemEvents{id, events})
	}
	return d, nil
}

func (d dispatchDecision) record(tx *eventstore.Tx, orderID uuid.UUID) {
	eventstore.Record(tx, orderAggregate, orderID, d.order...)
	for _, item := range d.items {
		eventstore.Record(tx, stockAggregate, item.id, item.events...)
	}
}
