package rig

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
)

const (
	connectionsMax = 256
	requestTimeout = 30 * time.Second
)

// Key is the key of the platform's API, of the role admin. The platform listens on this machine alone.
const Key = "bench-key"

// Shop returns a client of the platform's API. It repeats nothing, so that a failure shows.
func (r *Rig) Shop() (*client.Client, error) {
	transport := &http.Transport{MaxIdleConns: connectionsMax, MaxIdleConnsPerHost: connectionsMax, DisableCompression: true}
	return client.New(r.URL, client.WithAPIKey(Key), client.WithHTTPClient(&http.Client{Transport: transport, Timeout: requestTimeout}),
		client.WithRetry(client.Retry{AttemptsMax: 1}))
}

// Once marks a request that is sent once, without an Idempotency-Key: to look whether a key is known is one more
// statement at PostgreSQL.
var Once = client.WithoutIdempotencyKey()

// NewOrder returns an order of some pieces of one SKU.
func NewOrder(customer, sku string, quantity int) client.NewOrder {
	return client.NewOrder{
		CustomerID: customer, Currency: "EUR", PaymentToken: "tok_approve",
		Items:           []client.NewItem{{ProductID: "p-" + sku, SKU: sku, Quantity: quantity, UnitPrice: "19.90"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}
}

// Receive puts goods into stock.
func Receive(ctx context.Context, shop *client.Client, sku, location string, quantity int) error {
	_, err := shop.ReceiveStock(ctx, client.Receipt{SKU: sku, Location: location, Quantity: quantity}, Once)
	return err
}

// Dispatch reports that a shipment has left.
func Dispatch(ctx context.Context, shop *client.Client, order, shipment uuid.UUID) error {
	_, err := shop.DispatchShipment(ctx, order, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "JJD000390007"}, Once)
	return err
}

// Deliver reports that a shipment has arrived.
func Deliver(ctx context.Context, shop *client.Client, order, shipment uuid.UUID) error {
	_, err := shop.DeliverShipment(ctx, order, shipment, Once)
	return err
}

// Through takes an order from its placing to its end.
func Through(ctx context.Context, shop *client.Client, w *Watch, o client.NewOrder) error {
	placed, err := shop.PlaceOrder(ctx, o, Once)
	if err != nil {
		return err
	}
	id := placed.OrderID
	if err := w.Reached(ctx, id, "confirmed"); err != nil {
		return err
	}
	shown, err := shop.GetOrder(ctx, id)
	if err != nil {
		return err
	}
	for _, shipment := range shown.Shipments {
		if err := Dispatch(ctx, shop, id, shipment.ShipmentID); err != nil {
			return err
		}
	}
	if err := w.Reached(ctx, id, "shipped"); err != nil {
		return err
	}
	for _, shipment := range shown.Shipments {
		if err := Deliver(ctx, shop, id, shipment.ShipmentID); err != nil {
			return fmt.Errorf("deliver order %s: %w", id, err)
		}
	}
	return w.Closed(ctx, id, "delivered")
}
