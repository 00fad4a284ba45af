package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// ReturnGoods is the input of [Activities.ReturnGoods].
type ReturnGoods struct {
	OrderID  uuid.UUID          `json:"order_id"`
	ReturnID uuid.UUID          `json:"return_id"`
	Lines    []order.ReturnLine `json:"lines"`
	Reason   string             `json:"reason"`
	At       time.Time          `json:"at"`
}

// GoodsReturned is what the goods that came back had cost, and what is owed for them.
type GoodsReturned struct {
	Amount money.Money `json:"amount"`
	// Refund is the obligation, which has the return's id. It is less than Amount when a part went back before, and nil
	// when all did, or it is less than the gateway gives back.
	Refund *payment.RefundSummary `json:"refund,omitempty"`
	Served Served                 `json:"served"`
	// Replayed is true when the return was recorded before.
	Replayed bool `json:"replayed,omitempty"`
}

// ReturnGoods records goods that came back, and what the customer is owed for them. It takes those that can be sold
// again into the stock. All of it is stored, or nothing. Refusals: not_found; not_returnable; return_window_closed;
// invalid.
func (a *Activities) ReturnGoods(ctx context.Context, in ReturnGoods) (GoodsReturned, error) {
	var out GoodsReturned
	command := order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: in.At}
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	st := stamp(ctx, "return/"+in.ReturnID.String(), in.OrderID, in.At)
	q := stockOf(known, known.StockLines(command.Pieces()))
	q.streams = append(q.streams, paymentStream(in.OrderID)...)
	out.Served, err = a.changeStock(ctx, st, q, func(s supply) (bool, error) {
		o := eventstore.State(s.tx, orderAggregate, in.OrderID)
		events, err := order.Return(o, command)
		if err != nil {
			return false, err
		}
		out.Amount, out.Replayed = o.ReturnedAmount(in.ReturnID), len(events) == 0
		for _, e := range events {
			returned := e.(order.OrderReturned)
			out.Amount = returned.Amount
			if err := restockReturned(s, returned); err != nil {
				return false, err
			}
			a.oweRefund(s.tx, in.OrderID, account.ReturnOwes(o, returned, money.Limits{}))
		}
		eventstore.Record(s.tx, orderAggregate, in.OrderID, events...)
		out.Refund = nil
		p := eventstore.State(s.tx, paymentAggregate, payment.ID(in.OrderID))
		if r, owed := p.Refund(in.ReturnID); owed && r.Obligation.IsPositive() {
			summary := p.Summary(r)
			out.Refund = &summary
		}
		return len(events) > 0, nil
	})
	return out, err
}

func restockReturned(s supply, e order.OrderReturned) error {
	for i, l := range e.Lines {
		if !l.Restock || l.Location == "" { // what ships nothing was never in the stock
			continue
		}
		returnID := domain.DerivedID(e.ReturnID, fmt.Sprintf("line/%d", i))
		if err := s.restock(l.SKU, l.Location, l.Quantity, e.OrderID, returnID, e.ReturnedAt); err != nil {
			return err
		}
	}
	return nil
}
