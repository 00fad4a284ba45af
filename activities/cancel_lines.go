package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// CancelLines is the input of [Activities.CancelLines].
type CancelLines struct {
	OrderID   uuid.UUID            `json:"order_id"`
	RequestID uuid.UUID            `json:"request_id"`
	Lines     []order.LineQuantity `json:"lines"`
	Reason    string               `json:"reason"`
	By        string               `json:"by"`
	// Unpaid is as in [CancelOrder].
	Unpaid bool      `json:"unpaid,omitempty"`
	At     time.Time `json:"at"`
}

// LinesCancelled is the order after a partial cancellation.
type LinesCancelled struct {
	// Moved has the status delivered when all that the order still waited for is cancelled.
	Moved
	Served Served `json:"served"`
}

// CancelLines takes pieces out of the order and frees their stock, both or neither. What that means for money which was
// captured before, or still is to be, is recorded with it.
//
// Refusals: not_found; idempotency_key_reused; not_cancellable; nothing_left; invalid; payment_not_required as in
// [Activities.CancelOrder].
func (a *Activities) CancelLines(ctx context.Context, in CancelLines) (LinesCancelled, error) {
	var out LinesCancelled
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	st := asked(ctx, "cancel-lines/"+in.RequestID.String(), in.OrderID, in.At)
	q := stockOf(known, known.StockLines(in.Lines))
	q.streams = append(q.streams, paymentStream(in.OrderID)...)
	out.Served, err = a.changeStock(ctx, st, q, func(s supply) (bool, error) {
		if err := unpaid(s.tx, in.OrderID, in.Unpaid); err != nil {
			return false, err
		}
		o := eventstore.State(s.tx, orderAggregate, in.OrderID)
		events, err := order.CancelPart(o, order.CancelLines{RequestID: in.RequestID, Lines: in.Lines, Reason: in.Reason, By: in.By, At: in.At})
		if err != nil {
			return false, err
		}
		for _, e := range events {
			if cancelled, ok := e.(order.OrderLinesCancelled); ok {
				if err := reduceReservations(s, cancelled); err != nil {
					return false, err
				}
			}
		}
		out.Moved = moved(o, events)
		eventstore.Record(s.tx, orderAggregate, in.OrderID, events...)
		if len(events) == 0 {
			out.showMoney(o, eventstore.State(s.tx, paymentAggregate, payment.ID(in.OrderID)))
			return false, nil
		}
		a.settleShares(s.tx, &out.Moved, in.OrderID, in.RequestID, in.At)
		return true, nil
	})
	return out, err
}

func reduceReservations(s supply, e order.OrderLinesCancelled) error {
	for i, l := range e.Lines {
		if l.Location == "" {
			continue // what ships nothing has nothing reserved
		}
		events, err := inventory.Reduce(s.item(l.SKU, l.Location), inventory.ReduceReservation{
			SKU: l.SKU, Location: l.Location, OrderID: e.OrderID, RequestID: domain.DerivedID(e.RequestID, fmt.Sprintf("line/%d", i)),
			Quantity: l.Quantity, Reason: "lines_cancelled", At: e.CancelledAt,
		})
		if err != nil {
			return err
		}
		s.record(l.SKU, l.Location, events...)
	}
	return nil
}
