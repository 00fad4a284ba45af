package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// ExchangeGoods says which goods of another order pay for a new one.
type ExchangeGoods struct {
	order.Exchange
	Lines  []order.ReturnLine `json:"lines"`
	Reason string             `json:"reason"`
	// By names who approves the return.
	By string `json:"by"`
	// ExpiresAfter is how long the goods are waited for.
	ExpiresAfter time.Duration `json:"expires_after,omitempty"`
}

// request is the exchange as the domain decides on it.
func (in ExchangeGoods) request(newOrderID uuid.UUID, total money.Money, limits money.Limits, at time.Time) account.ExchangeRequest {
	return account.ExchangeRequest{
		Exchange: in.Exchange, NewOrderID: newOrderID, Total: total, Limits: limits,
		Return: order.AskToReturn{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, By: order.ByOperator, At: at},
		Approval: order.DecideReturn{
			ReturnID: in.ReturnID, Action: order.ReturnApprove, By: in.By, ExpiresAfter: in.ExpiresAfter, At: at,
		},
	}
}

// streams are those that an exchange changes beside the new order and its stock.
func (in *ExchangeGoods) streams(newOrderID uuid.UUID) []eventstore.StreamID {
	if in == nil {
		return nil
	}
	return append(withPayment(in.OrderID), paymentStream(newOrderID)...)
}

// exchange records with a new order that goods of another one pay for it: their return, and the credit. What the new
// order and its payment have of it is left to the caller. Refusals: as
// [account.Exchange]; not_found for another customer's order.
func (a *Activities) exchange(tx *eventstore.Tx, in ExchangeGoods, c order.PlaceOrder, total money.Money) (x account.Exchanged, err error) {
	o, p := eventstore.State(tx, orderAggregate, in.OrderID), eventstore.State(tx, paymentAggregate, payment.ID(in.OrderID))
	if o.Status == "" || o.CustomerID != c.CustomerID || o.Total.Currency != total.Currency {
		return x, domain.Refuse(domain.CodeNotFound, "this customer has no order %s in %s", in.OrderID, total.Currency)
	}
	x, err = account.Exchange(o, p, in.request(c.OrderID, total, a.limits(total.Currency), c.At))
	if err != nil {
		return x, err
	}
	eventstore.Record(tx, orderAggregate, in.OrderID, x.Orders...)
	eventstore.Record(tx, paymentAggregate, payment.ID(in.OrderID), x.Payments...)
	return x, nil
}

// checkReserved refuses a new order of an exchange whose goods are not all there, and that may not wait for them.
// Refusal: out_of_stock.
func (in *ExchangeGoods) checkReserved(c order.PlaceOrder, reserved []reservation) error {
	if in == nil || len(reserved) > 0 || c.Terms.AllowBackorder || len(order.Lines(c.Items)) == 0 {
		return nil
	}
	return domain.Refuse(inventory.CodeOutOfStock, "not all goods of the new order are there")
}

// ExchangeStep is what the step of a return means for the order that its goods pay for.
type ExchangeStep struct {
	OrderID uuid.UUID `json:"order_id"`
	// By has reviewed the order. Approve lets it go on; otherwise it is cancelled.
	By      string `json:"by"`
	Approve bool   `json:"approve,omitempty"`
}

// exchangeStreams are those of the order that the goods of a return pay for.
func exchangeStreams(o order.Order, returnID uuid.UUID) []eventstore.StreamID {
	r, _ := o.FindReturn(returnID)
	if r.ExchangeOrderID == uuid.Nil {
		return nil
	}
	return withPayment(r.ExchangeOrderID)
}

// settleExchange records what a step of a return means for the order that its goods pay for, and that waits for them.
// Once they are there it goes on. As far as they are worth less than its credit, that is given back. When they don't
// come, it is cancelled, and all of its credit is owed. O is the order of the return afterwards.
func (a *Activities) settleExchange(tx *eventstore.Tx, o order.Order, returnID uuid.UUID, at time.Time) (*ExchangeStep, error) {
	r, _ := o.FindReturn(returnID)
	if r.ExchangeOrderID == uuid.Nil || r.Status.Open() {
		return nil, nil
	}
	id := r.ExchangeOrderID
	paid, p := eventstore.State(tx, orderAggregate, id), eventstore.State(tx, paymentAggregate, payment.ID(id))
	x := paid.Exchange
	if x == nil {
		return nil, nil
	}
	step := &ExchangeStep{OrderID: id, By: x.Reviewer(), Approve: r.Status == order.ReturnStatusReceived}
	if !paid.AwaitsExchange() {
		if paid.ApprovedBy == step.By || paid.RejectedBy == step.By { // it may not have been told
			step.Approve = paid.ApprovedBy == step.By
			return step, nil
		}
		return nil, nil
	}
	reviewed, err := order.Review(paid, order.ReviewOrder{By: step.By, Approve: step.Approve, At: at})
	if err != nil {
		return nil, err
	}
	eventstore.Record(tx, orderAggregate, id, reviewed...)
	if !step.Approve {
		eventstore.Record(tx, paymentAggregate, payment.ID(id), payment.OweUnapplied(p, at)...)
		return step, nil
	}
	short := p.Unapplied().Sub(r.Amount)
	if reduced := payment.Reduce(p, domain.DerivedID(x.CreditID(), "short"), o.ID, short, at); len(reduced) > 0 {
		eventstore.Record(tx, paymentAggregate, payment.ID(id), reduced...)
		from := eventstore.State(tx, paymentAggregate, payment.ID(o.ID))
		eventstore.Record(tx, paymentAggregate, from.ID, payment.TakeBack(from, id, short, at)...)
	}
	return step, nil
}

// returnCredit gives back what an order had from another one, in one append of both payments. What the other order owes
// its customer then is left to [Activities.refundCreditor].
func (a *Activities) returnCredit(
	ctx context.Context, in RefundPayment, r payment.Refund, attempt payment.RefundAttempt, to uuid.UUID,
) (p payment.Payment, err error) {
	id, other := payment.ID(in.OrderID), payment.ID(to)
	st := stamp(ctx, fmt.Sprintf("refund/%s/%d/credit", r.RefundID, attempt.Attempt), in.OrderID, in.At)
	err = a.events.Decide(ctx, st, append(paymentStream(in.OrderID), paymentStream(to)...), func(tx *eventstore.Tx) error {
		events, err := payment.AnswerRefund(eventstore.State(tx, paymentAggregate, id), payment.RefundAnswer{
			RefundID: r.RefundID, Attempt: attempt.Attempt, Status: payment.RefundStatusPaid, GatewayRef: attempt.Source, At: in.At,
		})
		if err != nil {
			return err
		}
		if len(events) > 0 {
			eventstore.Record(tx, paymentAggregate, id, events...)
			eventstore.Record(tx, paymentAggregate, other, payment.TakeBack(eventstore.State(tx, paymentAggregate, other), in.OrderID, attempt.Amount, in.At)...)
		}
		p = eventstore.State(tx, paymentAggregate, id).Clone()
		return nil
	})
	if err != nil {
		return p, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return p, nil
}

// refundCreditor carries on with what orders owe their customers that have had credit back by a refund. It may be
// repeated, and has to be: the step that gave the credit back may have been cut short.
func (a *Activities) refundCreditor(ctx context.Context, r payment.Refund, at time.Time) error {
	for _, attempt := range r.Attempts {
		from, credited := payment.CreditedOrder(attempt.Source)
		if !credited || attempt.Status != payment.RefundStatusPaid {
			continue
		}
		other, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, payment.ID(from))
		if err != nil {
			return fmt.Errorf("load payment %s: %w", payment.ID(from), err)
		}
		if err := a.refundAll(ctx, from, other.OpenRefunds(), at); err != nil {
			return err
		}
	}
	return nil
}

// endExchange cancels the return whose goods were to pay for an order, because that was refused. All is as it was.
func endExchange(tx *eventstore.Tx, o order.Order, reason string, at time.Time) {
	x := o.Exchange
	switch reason {
	case order.ReasonPaymentDeclined, order.ReasonPaymentDeadline, order.ReasonOutOfStock, order.ReasonSystemError:
	default:
		return
	}
	from := eventstore.State(tx, orderAggregate, x.OrderID)
	events, err := order.Decide(from, order.DecideReturn{
		ReturnID: x.ReturnID, Action: order.ReturnCancel, By: order.ByOperator, Reason: reason, At: at,
	})
	if err == nil { // else its goods came meanwhile
		eventstore.Record(tx, orderAggregate, x.OrderID, events...)
	}
}
