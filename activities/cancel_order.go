package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// CancelOrder is the input of [Activities.CancelOrder].
type CancelOrder struct {
	OrderID uuid.UUID `json:"order_id"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	// RejectedBy is who has reviewed the order and rejected it; Reason and By follow from that.
	RejectedBy string `json:"rejected_by,omitempty"`
	// Unpaid cancels an order that waits for money. It is refused when the money has come.
	Unpaid bool      `json:"unpaid,omitempty"`
	At     time.Time `json:"at"`
}

// CancelOrder records that the order is cancelled, and answers with the order as it is then. Of an order that was
// cancelled before, for whatever reason, it tells how. What was captured elsewhere for the order is owed with it.
//
// Refusals: not_found; not_cancellable; not_held and already_reviewed for a rejection; payment_not_required when money
// has come that was missing.
func (a *Activities) CancelOrder(ctx context.Context, in CancelOrder) (Moved, error) {
	var out Moved
	var exchanged uuid.UUID // the order whose goods were to pay for this one
	st := asked(ctx, "cancel", in.OrderID, in.At)
	cancel := func(tx *eventstore.Tx) error {
		o, p := eventstore.State(tx, orderAggregate, in.OrderID), eventstore.State(tx, paymentAggregate, payment.ID(in.OrderID))
		if err := unpaid(tx, in.OrderID, in.Unpaid); err != nil && o.Status != order.StatusCancelled {
			return err
		}
		events, err := in.decide(o)
		if err != nil {
			return err
		}
		if x := o.Exchange; x != nil && len(events) > 0 {
			if exchanged == uuid.Nil {
				exchanged = x.OrderID
				return errOfExchange
			}
			endExchange(tx, o, in.Reason, in.At)
		}
		out = moved(o, events)
		eventstore.Record(tx, orderAggregate, in.OrderID, events...)
		owed := payment.OweUnapplied(p, in.At)
		eventstore.Record(tx, paymentAggregate, payment.ID(in.OrderID), owed...)
		for p = p.Clone(); len(owed) > 0; owed = owed[1:] {
			p = payment.Evolve(p, owed[0])
		}
		out.Refunds = p.OpenRefunds()
		return nil
	}
	err := a.events.Decide(ctx, st, withPayment(in.OrderID), cancel)
	if errors.Is(err, errOfExchange) {
		err = a.events.Decide(ctx, st, append(withPayment(in.OrderID), orderStream(exchanged)...), cancel)
	}
	if err != nil {
		return Moved{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

// errOfExchange ends a decision on an order that goods of another one were to pay for, and that it has not named.
var errOfExchange = errors.New("goods of another order were to pay for this one")

func (in CancelOrder) decide(o order.Order) ([]domain.Event, error) {
	switch {
	case o.Status == order.StatusCancelled:
		return nil, nil
	case in.RejectedBy != "":
		return order.Review(o, order.ReviewOrder{By: in.RejectedBy, At: in.At})
	}
	return order.Cancel(o, order.CancelOrder{Reason: in.Reason, By: in.By, Unpaid: in.Unpaid, At: in.At})
}

// unpaid refuses what is done for lack of money when the money has come. Refusal: payment_not_required.
func unpaid(tx *eventstore.Tx, orderID uuid.UUID, asked bool) error {
	if !asked || eventstore.State(tx, paymentAggregate, payment.ID(orderID)).Unpaid() {
		return nil
	}
	return domain.Refuse(payment.CodePaymentNotRequired, "order %s does not wait for money any more", orderID)
}
