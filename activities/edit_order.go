package activities

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// EditOrder is the input of [Activities.EditOrder]. Its fields are those of [order.EditOrder].
type EditOrder struct {
	OrderID     uuid.UUID            `json:"order_id"`
	RequestID   uuid.UUID            `json:"request_id"`
	RequestHash string               `json:"request_hash"`
	Add         []order.Item         `json:"add,omitempty"`
	Set         []order.LineQuantity `json:"lines,omitempty"`
	Reason      string               `json:"reason"`
	By          string               `json:"by"`
	// Keep is as in [payments.AuthorizeRequest].
	Keep bool      `json:"keep_payment_method,omitempty"`
	At   time.Time `json:"at"`
}

// FinishEdit is the input of [Activities.FinishEdit].
type FinishEdit struct {
	OrderID uuid.UUID `json:"order_id"`
	// Refused is the code of the refusal because of which the gateway is not asked any more.
	Refused domain.ErrorCode `json:"refused,omitempty"`
	At      time.Time        `json:"at"`
}

// Edited is the order after a step of an edit.
type Edited struct {
	Moved
	Served Served       `json:"served"`
	Items  []order.Item `json:"items"`
	// Goods are those that came to the order, or are to.
	Goods []inventory.Line `json:"goods,omitempty"`
	// Ask is what has to be authorised before [Activities.FinishEdit]. It is left out where the edit is over.
	Ask money.Money `json:"ask,omitzero"`
	// Declined is why the edit has changed nothing.
	Declined domain.ErrorCode `json:"declined,omitempty"`
	// PartlyCancelled is as in [Standing].
	PartlyCancelled bool `json:"partly_cancelled,omitempty"`
}

// EditOrder changes what an order holds before it leaves, all of it or nothing. The goods that come to it are reserved
// and those that it loses are freed, in the append that changes the order.
//
// When it costs more than is authorised, the edit is recorded as requested, with its goods. The request for the
// authorisation is recorded with it. The order is as it was until [Activities.FinishEdit].
//
// Refusals: as [order.EditOrder.Plan], [order.Order.Edited] and [order.CancelPart]; out_of_stock; those of
// [payment.AuthorizeMore].
func (a *Activities) EditOrder(ctx context.Context, in EditOrder) (Edited, error) {
	var out Edited
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	c := order.EditOrder{
		RequestID: in.RequestID, RequestHash: in.RequestHash, Add: in.Add, Set: in.Set, Reason: in.Reason, By: in.By, At: in.At,
	}
	st := asked(ctx, "edit/"+in.RequestID.String(), in.OrderID, in.At)
	q := stockOf(known, append(order.Lines(in.Add), known.StockLines(in.Set)...))
	q.streams = append(q.streams, paymentStream(in.OrderID)...)
	out.Served, err = a.changeStock(ctx, st, q, func(s supply) (bool, error) {
		out = Edited{}
		o, p := eventstore.State(s.tx, orderAggregate, in.OrderID), eventstore.State(s.tx, paymentAggregate, payment.ID(in.OrderID))
		done, err := o.Edited(c)
		switch {
		case err != nil:
			return false, err
		case done || o.Editing != nil && o.Editing.RequestContent == c.Request().Content:
			out.show(o, p, nil)
			if !done {
				return false, out.awaitMoney(o, in.At)
			}
			return false, nil
		}
		e, err := c.Plan(o)
		if err != nil {
			return false, err
		}
		if e.Allocations, err = a.extend(s, o, e, in.At); err != nil {
			return false, err
		}
		return true, a.applyOrAsk(s, &out, o, e, in)
	})
	return out, err
}

// extend reserves the goods that come to an order.
func (a *Activities) extend(s supply, o order.Order, e order.Edit, at time.Time) ([]inventory.Allocation, error) {
	allocations, err := s.allocate(a.allocator, order.Lines(e.Add), o.ShipToCountry, false, s.item)
	if err != nil {
		return nil, err
	}
	for _, al := range allocations {
		events, err := inventory.Extend(s.item(al.SKU, al.Location), inventory.ReserveStock{
			SKU: al.SKU, Location: al.Location, OrderID: o.ID, Quantity: al.Quantity, At: at,
		})
		if err != nil {
			return nil, err
		}
		s.record(al.SKU, al.Location, events...)
	}
	return allocations, nil
}

// applyOrAsk carries the edit out, or asks for the money that it lacks.
func (a *Activities) applyOrAsk(s supply, out *Edited, o order.Order, e order.Edit, in EditOrder) error {
	after, err := e.Outcome(o, in.At)
	if err != nil {
		return err
	}
	id := payment.ID(in.OrderID)
	p := eventstore.State(s.tx, paymentAggregate, id)
	limits := a.limits(o.Total.Currency)
	ask := payment.AskAgain{Amount: limits.Ceil(p.Lacking(after.Planned())), Kept: in.Keep, At: in.At}
	if method, given := p.Method(); given {
		ask.Kept = method.Keep
	}
	more, err := payment.AuthorizeMore(p, ask)
	if err != nil {
		return err
	}
	if len(more) == 0 {
		return a.applyEdit(s, out, o, e, in.At)
	}
	if !limits.Authorizes(ask.Amount) {
		return domain.Invalid("", "the payment gateway can't take %s", ask.Amount)
	}
	events, err := order.RequestEdit(o, e, ask.Amount, in.At)
	if err != nil {
		return err
	}
	eventstore.Record(s.tx, paymentAggregate, id, more...)
	eventstore.Record(s.tx, orderAggregate, in.OrderID, events...)
	out.show(o, p, events)
	return out.awaitMoney(orderAfter(o, events), in.At)
}

// applyEdit records what an edit changes, and frees the goods that it takes out.
func (a *Activities) applyEdit(s supply, out *Edited, o order.Order, e order.Edit, at time.Time) error {
	events, err := e.Apply(o, at)
	if err != nil {
		return err
	}
	for _, event := range events {
		if cancelled, ok := event.(order.OrderLinesCancelled); ok {
			if err := reduceReservations(s, cancelled); err != nil {
				return err
			}
		}
	}
	p := eventstore.State(s.tx, paymentAggregate, payment.ID(o.ID))
	out.show(o, p, events)
	out.Goods = order.Lines(e.Add)
	eventstore.Record(s.tx, orderAggregate, o.ID, events...)
	a.settleShares(s.tx, &out.Moved, o.ID, e.RequestID, at)
	return nil
}

// FinishEdit carries out an edit whose money is authorised. One whose money was declined changes nothing, and its goods
// are free again. So it is with one that can't be carried out any more, because the order has gone on. It does nothing
// when no edit is under way.
func (a *Activities) FinishEdit(ctx context.Context, in FinishEdit) (Edited, error) {
	var out Edited
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	if known.Editing == nil {
		p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, payment.ID(in.OrderID))
		out.show(known, p, nil)
		return out, err
	}
	e := *known.Editing
	st := stamp(ctx, "finish-edit/"+e.RequestID.String(), in.OrderID, in.At)
	q := stockOf(known, append(order.Lines(e.Add), known.StockLines(e.Remove)...))
	q.streams = append(q.streams, paymentStream(in.OrderID)...)
	out.Served, err = a.changeStock(ctx, st, q, func(s supply) (bool, error) {
		out = Edited{}
		o, p := eventstore.State(s.tx, orderAggregate, in.OrderID), eventstore.State(s.tx, paymentAggregate, payment.ID(in.OrderID))
		if o.Editing == nil || o.Editing.RequestID != e.RequestID {
			out.show(o, p, nil)
			return false, nil
		}
		code, err := a.editRefused(s.tx, in, o)
		if err != nil {
			return false, err
		}
		if code == "" {
			return true, a.applyEdit(s, &out, o, e, in.At)
		}
		if err := freeEdit(s, o, e, in.At); err != nil {
			return false, err
		}
		events := order.DeclineEdit(o, code, in.At)
		eventstore.Record(s.tx, orderAggregate, in.OrderID, events...)
		out.show(o, p, events)
		out.Declined = code
		return true, nil
	})
	return out, err
}

// editRefused tells why the edit that is under way changes nothing; no code when it is carried out. The gateway is not
// waited for any more where it is not asked any more. A cancelled order lets its payment go by itself.
func (a *Activities) editRefused(tx *eventstore.Tx, in FinishEdit, o order.Order) (domain.ErrorCode, error) {
	if o.Status != order.StatusConfirmed {
		return order.CodeNotEditable, nil
	}
	after, err := o.Editing.Outcome(o, in.At)
	if err != nil {
		return domain.Code(err), nil
	}
	id := payment.ID(in.OrderID)
	p := eventstore.State(tx, paymentAggregate, id)
	if p.AsksForEdit() {
		if in.Refused == "" {
			return "", fmt.Errorf("the gateway has not answered about the edit of order %s", o.ID)
		}
		events, err := payment.Authorize(p, payment.RecordAuthorization{
			OrderID: in.OrderID, Amount: p.Requested.Amount, Status: payment.StatusDeclined, DeclineCode: string(in.Refused),
			Attempt: p.Generation + 1, At: in.At,
		})
		if err != nil {
			return "", err
		}
		eventstore.Record(tx, paymentAggregate, id, events...)
		return in.Refused, nil
	}
	if amount := a.limits(o.Total.Currency).Ceil(p.Lacking(after.Planned())); !amount.IsPositive() || !p.Lapsed && amount.Cmp(p.Capturable()) <= 0 {
		return "", nil
	}
	return cmp.Or(in.Refused, domain.ErrorCode(p.DeclineCode), payment.CodePaymentRequired), nil
}

// freeEdit frees the goods of an edit that changes nothing. What a shipment has taken along meanwhile comes back into
// the stock. What a cancellation has freed is free.
func freeEdit(s supply, o order.Order, e order.Edit, at time.Time) error {
	for i, al := range e.Allocations {
		id := domain.DerivedID(e.RequestID, fmt.Sprintf("declined/%d", i))
		item := s.item(al.SKU, al.Location)
		switch {
		case item.Reservations[o.ID] >= al.Quantity:
			events, err := inventory.Reduce(item, inventory.ReduceReservation{
				SKU: al.SKU, Location: al.Location, OrderID: o.ID, RequestID: id, Quantity: al.Quantity, Reason: "edit_declined", At: at,
			})
			if err != nil {
				return err
			}
			s.record(al.SKU, al.Location, events...)
		case o.Status != order.StatusCancelled:
			if err := s.restock(al.SKU, al.Location, al.Quantity, o.ID, id, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// show fills in the order as it is after the events.
func (e *Edited) show(o order.Order, p payment.Payment, events []domain.Event) {
	e.Moved = moved(o, events)
	after := orderAfter(o, events)
	e.showMoney(after, p)
	e.Items, e.PartlyCancelled = after.Items, after.PartlyCancelled
}

// awaitMoney fills in what the edit that is under way asks for.
func (e *Edited) awaitMoney(o order.Order, at time.Time) error {
	after, err := o.Editing.Outcome(o, at)
	e.Ask, e.Goods = after.Planned(), order.Lines(o.Editing.Add)
	return err
}
