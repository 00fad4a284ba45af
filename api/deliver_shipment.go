package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// nothingMore is a body that is empty, or an empty object.
type nothingMore struct{}

// deliverShipment reports that a shipment has arrived: POST /api/v1/orders/{order_id}/shipments/{shipment_id}/deliver.
// It may be repeated, with a key or without: a shipment ends once.
func (a *API) deliverShipment(ctx context.Context, x *httpx.Exchange, _ *nothingMore) error {
	return a.endShipment(ctx, x, workflows.ShipmentDelivered, func(o order.Order, id uuid.UUID) ([]domain.Event, error) {
		return order.Deliver(o, order.DeliverShipment{ShipmentID: id})
	})
}

// loseShipment reports that the carrier has lost a shipment:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/lost. Otherwise it is as deliverShipment.
func (a *API) loseShipment(ctx context.Context, x *httpx.Exchange, _ *nothingMore) error {
	return a.endShipment(ctx, x, workflows.ShipmentLost, func(o order.Order, id uuid.UUID) ([]domain.Event, error) {
		return order.Lose(o, order.LoseShipment{ShipmentID: id})
	})
}

// refuseShipment reports that a shipment came back because the recipient did not take it:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/refused. Otherwise it is as deliverShipment.
func (a *API) refuseShipment(ctx context.Context, x *httpx.Exchange, _ *nothingMore) error {
	return a.endShipment(ctx, x, workflows.ShipmentRefused, func(o order.Order, id uuid.UUID) ([]domain.Event, error) {
		return order.Refuse(o, order.RefuseShipment{ShipmentID: id})
	})
}

func (a *API) endShipment(ctx context.Context, x *httpx.Exchange, name string, decide func(order.Order, uuid.UUID) ([]domain.Event, error)) error {
	id := x.UUID("shipment_id")
	return a.reportShipment(ctx, x, report{
		update: workflows.ShipmentUpdate{Name: name, Report: workflows.ShipmentReport{ShipmentID: id}},
		decide: func(o order.Order) ([]domain.Event, error) { return decide(o, id) },
	})
}
