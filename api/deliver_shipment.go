package api

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// deliverShipment reports that a parcel has arrived:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/deliver. It may be repeated. The body is
// empty, or an empty object.
func (a *API) deliverShipment(ctx context.Context, x *exchange) error {
	orderID, shipmentID := x.id("order_id"), x.id("shipment_id")
	x.idempotencyKey() // a parcel arrives once, with a key or without
	if x.Request.ContentLength != 0 {
		err := x.decode(func(d *decoder) { d.object(nil, func(string) {}) })
		if err != nil {
			return err
		}
	}
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = orderID
	return a.ship(ctx, x, shipmentID, order.ShipmentAtCustomer, mayDeliver, func() error {
		return a.sagas.DeliverShipment(ctx, orderID, workflows.ShipmentReport{ShipmentID: shipmentID})
	})
}

// mayDeliver says whether a parcel may arrive, as [order.Deliver] decides it.
func mayDeliver(s orderState, id uuid.UUID) (order.ShipmentStatus, error) {
	parcel, err := shipment(s, id)
	if err == nil && (parcel.Status == order.ShipmentPlanned || parcel.Status == order.ShipmentEmpty) {
		return "", refused(codeNotDeliverable, s, "shipment %s has not left", id)
	}
	return parcel.Status, err
}
