package api

import (
	"context"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// tracking is the body of POST /api/v1/orders/{order_id}/shipments/{shipment_id}/tracking.
type tracking struct {
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"tracking_number"`
}

// Check names what the domain finds wrong.
func (r *tracking) Check() error { return order.CheckDispatch(r.Carrier, r.TrackingNumber) }

// correctTracking replaces the carrier and the tracking number of a shipment on its way:
// POST /api/v1/orders/{order_id}/shipments/{shipment_id}/tracking. With an Idempotency-Key it may be repeated, also
// after they were corrected again.
func (a *API) correctTracking(ctx context.Context, x *httpx.Exchange, r *tracking) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	in := workflows.TrackingRequest{
		RequestID: x.KeyedID(domain.DerivedID(trackingNamespace, id.String())), ShipmentID: x.UUID("shipment_id"),
		Carrier: r.Carrier, TrackingNumber: r.TrackingNumber,
	}
	return a.changeOrder(ctx, x, change{
		askSaga: func(ctx context.Context) (orderState, error) { return a.sagas.CorrectTracking(ctx, id, in) },
		decide: func(o order.Order) ([]domain.Event, error) {
			return order.Correct(o, order.CorrectTracking{
				RequestID: in.RequestID, ShipmentID: in.ShipmentID, Carrier: in.Carrier, TrackingNumber: in.TrackingNumber,
			})
		},
	})
}
