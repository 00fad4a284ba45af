package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
)

// ConfirmOrder is the input of [Activities.ConfirmOrder].
type ConfirmOrder struct {
	OrderID     uuid.UUID              `json:"order_id"`
	Allocations []inventory.Allocation `json:"allocations"`
	At          time.Time              `json:"at"`
}

// Confirmed is the plan of parcels.
type Confirmed struct {
	Shipments []order.Shipment `json:"shipments"`
}

// ConfirmOrder confirms the order and plans its parcels. Refusals: not_found; not_confirmable.
func (a *Activities) ConfirmOrder(ctx context.Context, in ConfirmOrder) (Confirmed, error) {
	var out Confirmed
	err := change(ctx, a, orders, in.OrderID, stamp(ctx, "confirm", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		out.Shipments = order.PlanShipments(o, in.Allocations)
		return order.Confirm(o, order.ConfirmOrder{Shipments: out.Shipments, At: in.At})
	})
	if err != nil {
		return Confirmed{}, err
	}
	return out, nil
}

// CancelOrder is the input of [Activities.CancelOrder].
type CancelOrder struct {
	OrderID uuid.UUID `json:"order_id"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// CancelOrder records that the order is cancelled. Refusals: not_found; not_cancellable.
func (a *Activities) CancelOrder(ctx context.Context, in CancelOrder) error {
	return change(ctx, a, orders, in.OrderID, stamp(ctx, "cancel", in.OrderID, in.At), func(o order.Order) ([]domain.Event, error) {
		return order.Cancel(o, order.CancelOrder{Reason: in.Reason, By: in.By, At: in.At})
	})
}

// DispatchShipment is the input of [Activities.DispatchShipment].
type DispatchShipment struct {
	OrderID        uuid.UUID `json:"order_id"`
	ShipmentID     uuid.UUID `json:"shipment_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	// Location and SKUs say which reservations leave with the parcel.
	Location string    `json:"location"`
	SKUs     []string  `json:"skus"`
	At       time.Time `json:"at"`
}

// DispatchShipment records that a parcel has left: in the order's stream, and in the stock it was
// taken from, both or neither. Refusals: not_found; shipment_not_found; not_dispatchable;
// reservation_not_found.
func (a *Activities) DispatchShipment(ctx context.Context, in DispatchShipment) error {
	streams := []eventstore.StreamID{{Type: domain.AggregateOrder, ID: in.OrderID}}
	for _, sku := range in.SKUs {
		streams = append(streams, eventstore.StreamID{Type: domain.AggregateInventory, ID: inventory.ID(sku, in.Location)})
	}
	st := stamp(ctx, "dispatch/"+in.ShipmentID.String(), in.OrderID, in.At)
	err := a.events.Decide(ctx, st, streams, func(tx *eventstore.Tx) error {
		events, err := order.Dispatch(eventstore.State(tx, orders, in.OrderID), order.DispatchShipment{
			ShipmentID: in.ShipmentID, Carrier: in.Carrier, TrackingNumber: in.TrackingNumber, At: in.At,
		})
		if err != nil {
			return err
		}
		eventstore.Record(tx, orders, in.OrderID, events...)
		for _, sku := range in.SKUs {
			id := inventory.ID(sku, in.Location)
			events, err := inventory.Commit(eventstore.State(tx, stock, id), inventory.CommitStock{
				SKU: sku, Location: in.Location, OrderID: in.OrderID, At: in.At,
			})
			if err != nil {
				return err
			}
			eventstore.Record(tx, stock, id, events...)
		}
		return nil
	})
	if err != nil {
		return Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return nil
}

// DeliverShipment is the input of [Activities.DeliverShipment].
type DeliverShipment struct {
	OrderID    uuid.UUID `json:"order_id"`
	ShipmentID uuid.UUID `json:"shipment_id"`
	At         time.Time `json:"at"`
}

// DeliverShipment records that a parcel has arrived. Refusals: not_found; shipment_not_found;
// not_deliverable.
func (a *Activities) DeliverShipment(ctx context.Context, in DeliverShipment) error {
	st := stamp(ctx, "deliver/"+in.ShipmentID.String(), in.OrderID, in.At)
	return change(ctx, a, orders, in.OrderID, st, func(o order.Order) ([]domain.Event, error) {
		return order.Deliver(o, order.DeliverShipment{ShipmentID: in.ShipmentID, At: in.At})
	})
}
