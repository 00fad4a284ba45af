package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
)

// AmendAddress is the input of [Activities.AmendAddress].
type AmendAddress struct {
	OrderID    uuid.UUID     `json:"order_id"`
	CustomerID string        `json:"customer_id"`
	Country    string        `json:"country"`
	Personal   domain.Sealed `json:"personal"`
	By         string        `json:"by"`
	// RequestID names this amendment within the order: a UUID, or a number for one that came without. RequestHash stands for
	// what it asks.
	RequestID   string    `json:"request_id"`
	RequestHash string    `json:"request_hash"`
	At          time.Time `json:"at"`
}

// AmendAddress replaces the order's address. Refusals: not_found; idempotency_key_reused; not_amendable; country_fixed.
func (a *Activities) AmendAddress(ctx context.Context, in AmendAddress) error {
	personal, err := a.vault.Reseal(ctx, in.CustomerID, in.Personal)
	if err != nil {
		return fmt.Errorf("seal the new address of order %s: %w", in.OrderID, err)
	}
	requestID, err := uuid.Parse(in.RequestID)
	if err != nil {
		requestID = domain.DerivedID(in.OrderID, "amend/"+in.RequestID)
	}
	return change(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "amend/"+in.RequestID, in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Amend(o, order.AmendAddress{
			RequestID: requestID, RequestHash: in.RequestHash, Country: in.Country, Personal: personal, By: in.By, At: in.At,
		})
	})
}

// CancelLines is the input of [Activities.CancelLines].
type CancelLines struct {
	OrderID   uuid.UUID        `json:"order_id"`
	RequestID uuid.UUID        `json:"request_id"`
	Lines     []inventory.Line `json:"lines"`
	Reason    string           `json:"reason"`
	By        string           `json:"by"`
	At        time.Time        `json:"at"`
}

// LinesCancelled is the order after a partial cancellation.
type LinesCancelled struct {
	// Status is delivered when all that the order still waited for is cancelled.
	Status    order.Status     `json:"status"`
	Shipments []order.Shipment `json:"shipments"`
	Served    Served           `json:"served"`
}

// CancelLines takes pieces out of the order and frees their stock, both or neither. Refusals:
// not_found; idempotency_key_reused; not_cancellable; nothing_left; invalid.
func (a *Activities) CancelLines(ctx context.Context, in CancelLines) (LinesCancelled, error) {
	var out LinesCancelled
	st := stamp(ctx, "cancel-lines/"+in.RequestID.String(), in.OrderID, in.At)
	served, err := a.changeStock(ctx, st, withOrder(in.OrderID, a.stockItems(in.Lines)), func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, in.OrderID)
		events, err := order.CancelPart(o, order.CancelLines{RequestID: in.RequestID, Lines: in.Lines, Reason: in.Reason, By: in.By, At: in.At})
		if err != nil {
			return err
		}
		o = o.Clone()
		for _, e := range events {
			o = order.Evolve(o, e)
			if cancelled, ok := e.(order.OrderLinesCancelled); ok {
				if err := reduceReservations(tx, cancelled); err != nil {
					return err
				}
			}
		}
		out.Status, out.Shipments = o.Status, o.Shipments
		eventstore.Record(tx, orderAggregate, in.OrderID, events...)
		return nil
	})
	out.Served = served
	return out, err
}

func reduceReservations(tx *eventstore.Tx, e order.OrderLinesCancelled) error {
	for i, l := range e.Lines {
		id := inventory.ID(l.SKU, l.Location)
		events, err := inventory.Reduce(eventstore.State(tx, stockAggregate, id), inventory.ReduceReservation{
			SKU: l.SKU, Location: l.Location, OrderID: e.OrderID, RequestID: domain.DerivedID(e.RequestID, fmt.Sprintf("line/%d", i)),
			Quantity: l.Quantity, Reason: "lines_cancelled", At: e.CancelledAt,
		})
		if err != nil {
			return err
		}
		eventstore.Record(tx, stockAggregate, id, events...)
	}
	return nil
}

// MarkOverdue is the input of [Activities.MarkOverdue].
type MarkOverdue struct {
	OrderID    uuid.UUID `json:"order_id"`
	DeadlineAt time.Time `json:"deadline_at"`
}

// MarkOverdue records that no shipment had left at the deadline; it does nothing when one has.
func (a *Activities) MarkOverdue(ctx context.Context, in MarkOverdue) error {
	return change(ctx, a, orderAggregate, in.OrderID, stamp(ctx, "overdue", in.OrderID, in.DeadlineAt), func(o order.Order) ([]domain.Event, error) {
		return order.Overdue(o, in.DeadlineAt), nil
	})
}

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
}

// ReturnGoods records goods that came back and takes those that can be sold again into the stock, both
// or neither. Refusals: not_found; not_returnable; return_window_closed; invalid.
func (a *Activities) ReturnGoods(ctx context.Context, in ReturnGoods) (GoodsReturned, error) {
	var out GoodsReturned
	lines := make([]inventory.Line, len(in.Lines))
	for i, l := range in.Lines {
		lines[i] = inventory.Line{SKU: l.SKU, Quantity: l.Quantity}
	}
	st := stamp(ctx, "return/"+in.ReturnID.String(), in.OrderID, in.At)
	served, err := a.changeStock(ctx, st, withOrder(in.OrderID, a.stockItems(lines)), func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, in.OrderID)
		events, err := order.Return(o, order.ReturnOrder{ReturnID: in.ReturnID, Lines: in.Lines, Reason: in.Reason, At: in.At})
		if err != nil {
			return err
		}
		out.Amount = o.ReturnedAmount(in.ReturnID)
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
	out.Served = served
	return out, err
}

func restockReturned(tx *eventstore.Tx, e order.OrderReturned) error {
	for i, l := range e.Lines {
		if !l.Restock {
			continue
		}
		returnID := domain.DerivedID(e.ReturnID, fmt.Sprintf("line/%d", i))
		if err := restock(tx, l.SKU, l.Location, l.Quantity, e.OrderID, returnID, e.ReturnedAt); err != nil {
			return err
		}
	}
	return nil
}
