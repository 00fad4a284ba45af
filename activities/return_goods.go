package activities

import (
	"context"
	"fmt"
	"slices"
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
	// Approved says that they are those of a return which was approved before.
	Approved bool      `json:"approved,omitempty"`
	At       time.Time `json:"at"`
}

// GoodsReturned is what the goods that came back had cost, and what is owed for them.
type GoodsReturned struct {
	Amount money.Money `json:"amount"`
	// Refund is the obligation, which has the return's id. It is less than Amount when a part went back before, and nil
	// when all did, or it is less than the gateway gives back.
	Refund *payment.RefundSummary `json:"refund,omitempty"`
	Served Served                 `json:"served"`
	// Return is the return afterwards.
	Return account.Returned `json:"return,omitzero"`
	// Exchange is what it means for the order that the goods pay for; nil for none.
	Exchange *ExchangeStep `json:"exchange,omitempty"`
	// Replayed is true when the return was recorded before.
	Replayed bool `json:"replayed,omitempty"`
}

// ReturnGoods records goods that came back, and what the customer is owed for them. It takes those that can be sold
// again into the stock. All of it is stored, or nothing. Refusals: those of [order.Return], or of [order.Receive] for
// an approved return; unknown_location.
func (a *Activities) ReturnGoods(ctx context.Context, in ReturnGoods) (GoodsReturned, error) {
	var out GoodsReturned
	command := order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: in.At}
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	command.At = known.Now(in.At)
	st := asked(ctx, "return/"+in.ReturnID.String(), in.OrderID, in.At)
	q := stockOf(known, known.StockLines(command.Pieces()))
	q.streams = slices.Concat(q.streams, paymentStream(in.OrderID), exchangeStreams(known, in.ReturnID))
	out.Served, err = a.changeStock(ctx, st, q, func(s supply) (bool, error) {
		o := eventstore.State(s.tx, orderAggregate, in.OrderID)
		id := payment.ID(in.OrderID)
		p := eventstore.State(s.tx, paymentAggregate, id)
		events, owed, err := account.Return(o, p, command, in.Approved, a.limits(o.Total.Currency))
		if err != nil {
			return false, err
		}
		if err := checkLocations(s, in.Lines); err != nil {
			return false, err
		}
		for _, e := range events {
			if err := restockReturned(s, e.(order.OrderReturned)); err != nil {
				return false, err
			}
		}
		eventstore.Record(s.tx, orderAggregate, in.OrderID, events...)
		eventstore.Record(s.tx, paymentAggregate, id, owed...)
		out.tell(orderAfter(o, events), paymentAfter(p, owed), in.ReturnID)
		out.Replayed = len(events) == 0
		if out.Exchange, err = a.settleExchange(s.tx, orderAfter(o, events), in.ReturnID, in.At); err != nil {
			return false, err
		}
		return len(events) > 0, nil
	})
	return out, err
}

// tell fills in where the return stands.
func (g *GoodsReturned) tell(o order.Order, p payment.Payment, returnID uuid.UUID) {
	record, _ := o.FindReturn(returnID)
	g.Amount, g.Return, g.Refund = record.Amount, account.ReturnedOf(record, p), nil
	if r, owed := p.Refund(returnID); owed && r.Obligation.IsPositive() {
		summary := p.Summary(r)
		g.Refund = &summary
	}
}

// checkLocations refuses goods for a location that is not there. Error: unknown_location.
func checkLocations(s supply, lines []order.ReturnLine) error {
	for _, l := range lines {
		if l.Location != "" {
			if err := s.network.Check(l.Location); err != nil {
				return err
			}
		}
	}
	return nil
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
