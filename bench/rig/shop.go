package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Shop calls the API over HTTP, as a client that keeps its connections does.
type Shop struct {
	url  string
	http *http.Client
}

const (
	connectionsMax = 256
	requestTimeout = 30 * time.Second
	answerBytes    = 1 << 20
)

// Shop returns a client of the platform's API.
func (r *Rig) Shop() *Shop {
	transport := &http.Transport{MaxIdleConns: connectionsMax, MaxIdleConnsPerHost: connectionsMax, DisableCompression: true}
	return &Shop{url: r.URL, http: &http.Client{Transport: transport, Timeout: requestTimeout}}
}

// Order is what is ordered: so many pieces of one SKU.
type Order struct {
	Customer string
	SKU      string
	Quantity int
}

// Receive puts goods into stock.
func (s *Shop) Receive(ctx context.Context, sku, location string, quantity int) error {
	body := fmt.Sprintf(`{"sku":%q,"location":%q,"quantity":%d}`, sku, location, quantity)
	return s.call(ctx, http.MethodPost, "/api/v1/stock/receipts", body, nil)
}

// Place places an order and returns its id.
func (s *Shop) Place(ctx context.Context, o Order) (uuid.UUID, error) {
	var placed Shown
	err := s.place(ctx, o, nil, &placed)
	return placed.OrderID, err
}

// PlaceSettled places an order, asks that the answer wait until it is confirmed or cancelled, and returns it as it is then.
func (s *Shop) PlaceSettled(ctx context.Context, o Order) (placed Shown, err error) {
	err = s.place(ctx, o, waitForIt, &placed)
	return placed, err
}

var waitForIt = http.Header{"Prefer": {"wait=10"}}

func (s *Shop) place(ctx context.Context, o Order, header http.Header, placed *Shown) error {
	body := fmt.Sprintf(`{"customer_id":%q,"currency":"EUR","payment_token":"tok_approve",`+
		`"items":[{"product_id":"p-%s","sku":%q,"quantity":%d,"unit_price":"19.90"}],`+
		`"shipping_address":{"street":"Torstraße 1","city":"Berlin","zip":"10119","country":"DE"}}`, o.Customer, o.SKU, o.SKU, o.Quantity)
	return s.send(ctx, http.MethodPost, "/api/v1/orders", header, body, placed)
}

// Shown is what the API shows of an order, as far as it is looked at.
type Shown struct {
	OrderID   uuid.UUID `json:"order_id"`
	Status    string    `json:"status"`
	Reason    string    `json:"cancel_reason"`
	Shipments []struct {
		ShipmentID uuid.UUID `json:"shipment_id"`
	} `json:"shipments"`
}

// Get reads an order.
func (s *Shop) Get(ctx context.Context, id uuid.UUID) (o Shown, err error) {
	return o, s.call(ctx, http.MethodGet, "/api/v1/orders/"+id.String(), "", &o)
}

// Dispatch reports that a shipment has left.
func (s *Shop) Dispatch(ctx context.Context, order, shipment uuid.UUID) error {
	return s.call(ctx, http.MethodPost, "/api/v1/orders/"+order.String()+"/shipments/"+shipment.String()+"/dispatch",
		`{"carrier":"DHL","tracking_number":"JJD000390007"}`, nil)
}

// Deliver reports that a shipment has arrived.
func (s *Shop) Deliver(ctx context.Context, order, shipment uuid.UUID) error {
	return s.call(ctx, http.MethodPost, "/api/v1/orders/"+order.String()+"/shipments/"+shipment.String()+"/deliver", "{}", nil)
}

// Read gets a path and returns the answer's size.
func (s *Shop) Read(ctx context.Context, path string, into any) error {
	return s.call(ctx, http.MethodGet, path, "", into)
}

func (s *Shop) call(ctx context.Context, method, path, body string, into any) error {
	return s.send(ctx, method, path, nil, body, into)
}

func (s *Shop) send(ctx context.Context, method, path string, header http.Header, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	maps.Copy(request.Header, header)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case response.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, content)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
