package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// EndShipment is the input of [Activities.DeliverShipment], [Activities.LoseShipment] and
// [Activities.RefuseShipment].
type EndShipment struct {
	OrderID    uuid.UUID `json:"order_id"`
	ShipmentID uuid.UUID `json:"shipment_id"`
	At         time.Time `json:"at"`
}

// Ended is the order after the end of a shipment.
type Ended struct {
	Moved
	Served Served `json:"served"`
}

// DeliverShipment records that a shipment has arrived. Refusals: not_found; shipment_not_found;
// not_deliverable.
func (a *Activities) DeliverShipment(ctx context.Context, in EndShipment) (Ended, error) {
	return a.endShipment(ctx, "deliver/", in, func(o order.Order) ([]domain.Event, error) {
		return order.Deliver(o, order.DeliverShipment{ShipmentID: in.ShipmentID, At: in.At})
	})
}

// LoseShipment records that a shipment is lost, and what the customer is owed for it, both or neither. Refusals: as
// [Activities.DeliverShipment].
func (a *Activities) LoseShipment(ctx context.Context, in EndShipment) (Ended, error) {
	var out Ended
	st := asked(ctx, "lose/"+in.ShipmentID.String(), in.OrderID, in.At)
	err := a.events.Decide(ctx, st, withPayment(in.OrderID), func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, in.OrderID)
		events, err := order.Lose(o, order.LoseShipment{ShipmentID: in.ShipmentID, At: in.At})
		if err != nil {
			return err
		}
		out.Moved = moved(o, events)
		if len(events) == 0 {
			out.showMoney(o, eventstore.State(tx, paymentAggregate, payment.ID(in.OrderID)))
		} else {
			a.recordEnd(tx, &out.Moved, in, o, events, payment.ReasonShipmentLost)
		}
		return nil
	})
	if err != nil {
		return Ended{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

// recordEnd records the end of a shipment that did not reach the customer, and what the customer is owed for it. It
// fills in what is left to do with the order's money then.
func (a *Activities) recordEnd(tx *eventstore.Tx, out *Moved, in EndShipment, o order.Order, events []domain.Event, reason string) {
	shipment, _ := o.Shipment(in.ShipmentID)
	a.oweForShipment(tx, o, shipment, reason, in.At)
	eventstore.Record(tx, orderAggregate, in.OrderID, events...)
	a.settleShares(tx, out, in.OrderID, domain.DerivedID(in.ShipmentID, reason), in.At)
}

func (a *Activities) endShipment(ctx context.Context, step string, in EndShipment, decide func(order.Order) ([]domain.Event, error)) (Ended, error) {
	var out Ended
	st := asked(ctx, step+in.ShipmentID.String(), in.OrderID, in.At)
	err := changeAggregate(ctx, a, orderAggregate, in.OrderID, st, func(o order.Order) ([]domain.Event, error) {
		events, err := decide(o)
		out.Moved = moved(o, events)
		return events, err
	})
	if err != nil {
		return Ended{}, err
	}
	return out, nil
}

// RefuseShipment records that a shipment came back because the recipient did not take it, and what the customer is owed
// for it. It takes the goods back into the stock. All of it is stored, or nothing. Refusals: as
// [Activities.DeliverShipment].
func (a *Activities) RefuseShipment(ctx context.Context, in EndShipment) (Ended, error) {
	var out Ended
	known, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return out, err
	}
	shipment, _ := known.Shipment(in.ShipmentID)
	st := asked(ctx, "refuse/"+in.ShipmentID.String(), in.OrderID, in.At)
	served, err := a.changeStock(ctx, st, stockOfShipment(in.OrderID, shipment), func(s supply) (bool, error) {
		o := eventstore.State(s.tx, orderAggregate, in.OrderID)
		events, err := order.Refuse(o, order.RefuseShipment{ShipmentID: in.ShipmentID, At: in.At})
		if err != nil {
			return false, err
		}
		out.Moved = moved(o, events)
		if len(events) == 0 {
			out.showMoney(o, eventstore.State(s.tx, paymentAggregate, payment.ID(in.OrderID)))
			return false, nil // the shipment has ended before, and what that means for the stock is recorded with it
		}
		a.recordEnd(s.tx, &out.Moved, in, o, events, payment.ReasonShipmentRefused)
		shipment, _ := o.Shipment(in.ShipmentID)
		for _, l := range shipment.Lines {
			returnID := domain.DerivedID(in.ShipmentID, "refused/"+l.LineID.String())
			if err := s.restock(l.SKU, shipment.Location, l.Quantity, in.OrderID, returnID, in.At); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	out.Served = served
	return out, err
}

// stockOfShipment is the question about the stock that a shipment was taken from. Nothing is taken out of it any more
// once it has left.
func stockOfShipment(orderID uuid.UUID, s order.Shipment) stockQuestion {
	return stockQuestion{skus: s.SKUs(), locations: []string{s.Location}, streams: withPayment(orderID)}
}
