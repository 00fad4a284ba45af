package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
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

// GoodsReturned is what the goods that came back had cost.
type GoodsReturned struct {
	Amount money.Money `json:"amount"`
	Served Served      `json:"served"`
	// Replayed is true when the return was recorded before.
	Replayed bool `json:"replayed,omitempty"`
}

// ReturnGoods records goods that came back and takes those that can be sold again into the stock, both
// or neither. Refusals: not_found; not_returnable; return_window_closed; invalid.
func (a *Activities) ReturnGoods(ctx context.Context, in ReturnGoods) (GoodsReturned, error) {
	var out GoodsReturned
	command := order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: in.At}
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	st := stamp(ctx, "return/"+in.ReturnID.String(), in.OrderID, in.At)
	out.Served, err = a.changeStock(ctx, st, withOrder(in.OrderID, a.stockItems(known, known.StockLines(command.Pieces()))), func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, in.OrderID)
		events, err := order.Return(o, command)
		if err != nil {
			return err
		}
		out.Amount, out.Replayed = o.ReturnedAmount(in.ReturnID), len(events) == 0
		for _, e := range events {
			returned := e.(order.OrderReturned)
			out.Amount = returned.Amount
			if err := restockReturned(tx, returned); err != nil {
				return err
			}
		}
		eventstore.Record(tx, orderAggregate, in.OrderID, events...)
		return nil
	})
	return out, err
}

func restockReturned(tx *eventstore.Tx, e order.OrderReturned) error {
	for i, l := range e.Lines {
		if !l.Restock {
			continue
		}
		returnID := domain.DerivedID(e.ReturnID, fmt.Sprintf("line/%d", i))
		if err := restockItem(tx, l.SKU, l.Location, l.Quantity, e.OrderID, returnID, e.ReturnedAt); err != nil {
			return err
		}
	}
	return nil
}
