package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// deliverShipment reports that a shipment has arrived:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/deliver. It may be repeated. The body is
// empty, or an empty object.
func (a *API) deliverShipment(ctx context.Context, x *exchange) error {
	return a.endShipment(ctx, x, order.ShipmentStatusDelivered, workflows.ShipmentDelivered)
}

// loseShipment reports that the carrier has lost a shipment:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/lost. Otherwise it is as deliverShipment.
func (a *API) loseShipment(ctx context.Context, x *exchange) error {
	return a.endShipment(ctx, x, order.ShipmentStatusLost, workflows.ShipmentLost)
}

// refuseShipment reports that a shipment came back because the recipient did not take it:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/refused. Otherwise it is as deliverShipment.
func (a *API) refuseShipment(ctx context.Context, x *exchange) error {
	return a.endShipment(ctx, x, order.ShipmentStatusRefused, workflows.ShipmentRefused)
}

func (a *API) endShipment(ctx context.Context, x *exchange, end order.ShipmentStatus, news string) error {
	orderID, shipmentID := x.id("order_id"), x.id("shipment_id")
	x.idempotencyKey() // a shipment ends once, with a key or without
	if err := x.decodeNothing(); err != nil {
		return err
	}
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = orderID
	return a.ship(ctx, x, shipmentID, end, mayDeliver, workflows.News{Name: news, Report: workflows.ShipmentReport{ShipmentID: shipmentID}})
}

// decodeNothing reads a body that is empty, or an empty object.
func (x *exchange) decodeNothing() error {
	if x.Request.ContentLength == 0 {
		return nil
	}
	return x.decode(func(d *decoder) { d.object(nil, func(string) {}) })
}

// mayDeliver says whether a shipment may end, as [order.Deliver] decides it.
func mayDeliver(s orderState, id uuid.UUID) (order.ShipmentStatus, error) {
	shipment, err := shipment(s, id)
	if err == nil && (shipment.Status == order.ShipmentStatusPlanned || shipment.Status == order.ShipmentStatusCancelled) {
		return "", refused(codeNotDeliverable, s, "shipment %s has not left", id)
	}
	return shipment.Status, err
}
