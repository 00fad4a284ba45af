package client

import (
	"context"
	"net/http"

	"github.com/google/uuid"
)

// ShipmentMoved is where a shipment is after a report.
type ShipmentMoved struct {
	OrderID    uuid.UUID      `json:"order_id"`
	ShipmentID uuid.UUID      `json:"shipment_id"`
	Status     ShipmentStatus `json:"status"`
}

// ShipmentOutcome is the answer to a report about a shipment.
type ShipmentOutcome struct {
	ShipmentMoved
	// Pending is true when the report is kept and will be carried out; the status is then the one until that.
	Pending bool `json:"-"`
	// Replayed is true when an earlier report has said the same.
	Replayed bool `json:"-"`
}

// Dispatch is the request of [Client.DispatchShipment].
type Dispatch struct {
	// Carrier may be empty, since some goods leave without one.
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber string `json:"tracking_number,omitempty"`
}

// DispatchShipment reports that a shipment was handed to the carrier. Its part of the payment is captured. It may leave
// once this returns without an error and without Pending. Errors: not_dispatchable; already_dispatched with another
// carrier or tracking number.
func (c *Client) DispatchShipment(ctx context.Context, order, shipment uuid.UUID, d Dispatch, options ...CallOption) (ShipmentOutcome, error) {
	return c.report(ctx, order, shipment, "/dispatch", d, options)
}

// Tracking is the request of [Client.CorrectTracking].
type Tracking struct {
	// Carrier and TrackingNumber replace those that were reported; either may be empty.
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"tracking_number"`
}

// CorrectTracking replaces carrier and tracking number of a shipment on its way. Errors: not_under_way when the
// shipment has not left, or has ended.
func (c *Client) CorrectTracking(ctx context.Context, order, shipment uuid.UUID, t Tracking, options ...CallOption) (Outcome, error) {
	return c.change(ctx, orderPath(order)+"/shipments/"+shipment.String()+"/tracking", t, options)
}

// DeliverShipment reports that a shipment has arrived. Errors: not_deliverable.
func (c *Client) DeliverShipment(ctx context.Context, order, shipment uuid.UUID, options ...CallOption) (ShipmentOutcome, error) {
	return c.report(ctx, order, shipment, "/deliver", struct{}{}, options)
}

// LoseShipment reports that a shipment is lost. What was in it is refunded.
func (c *Client) LoseShipment(ctx context.Context, order, shipment uuid.UUID, options ...CallOption) (ShipmentOutcome, error) {
	return c.report(ctx, order, shipment, "/lost", struct{}{}, options)
}

// RefuseShipment reports that a shipment came back because the recipient did not take it. What was in it is refunded
// and goes back to stock.
func (c *Client) RefuseShipment(ctx context.Context, order, shipment uuid.UUID, options ...CallOption) (ShipmentOutcome, error) {
	return c.report(ctx, order, shipment, "/refused", struct{}{}, options)
}

func (c *Client) report(ctx context.Context, order, shipment uuid.UUID, what string, body any, options []CallOption) (ShipmentOutcome, error) {
	var o ShipmentOutcome
	path := orderPath(order) + "/shipments/" + shipment.String() + what
	a, err := c.sendRequest(ctx, newRequest(http.MethodPost, path, body, options), into(&o.ShipmentMoved))
	o.Pending, o.Replayed = a.pending(), a.replayed()
	return o, err
}
