package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// shop calls the API.
type shop struct {
	url    string
	apiKey string
	http   *http.Client
}

// amount is money as the API shows it.
type amount struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

func (a amount) String() string { return a.Amount + " " + a.Currency }

type newOrder struct {
	CustomerID      string    `json:"customer_id"`
	Currency        string    `json:"currency"`
	Items           []newItem `json:"items"`
	ShippingAddress address   `json:"shipping_address"`
	PaymentToken    string    `json:"payment_token"`
}

type newItem struct {
	ProductID string `json:"product_id"`
	SKU       string `json:"sku"`
	Quantity  int    `json:"quantity"`
	UnitPrice string `json:"unit_price"`
}

type address struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	State   string `json:"state"`
	Zip     string `json:"zip"`
	Country string `json:"country"`
}

// Order is what the API shows of an order, as far as the demo reads it.
type Order struct {
	OrderID           string     `json:"order_id"`
	OrderNumber       string     `json:"order_number"`
	CustomerID        string     `json:"customer_id"`
	Status            string     `json:"status"`
	PaymentStatus     string     `json:"payment_status"`
	FulfillmentStatus string     `json:"fulfillment_status"`
	Total             amount     `json:"total"`
	Captured          amount     `json:"captured"`
	CancelReason      string     `json:"cancel_reason"`
	Shipments         []shipment `json:"shipments"`
	CreatedAt         time.Time  `json:"created_at"`
}

func (o Order) deliveredShipments() int {
	count := 0
	for _, shipment := range o.Shipments {
		if shipment.Status == "delivered" {
			count++
		}
	}
	return count
}

type shipment struct {
	ShipmentID     string         `json:"shipment_id"`
	Location       string         `json:"location"`
	Lines          []shipmentLine `json:"lines"`
	Status         string         `json:"status"`
	Carrier        string         `json:"carrier"`
	TrackingNumber string         `json:"tracking_number"`
}

type shipmentLine struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

type timelineEntry struct {
	EventType  string    `json:"event_type"`
	Summary    string    `json:"summary"`
	OccurredAt time.Time `json:"occurred_at"`
	CausedBy   string    `json:"caused_by"`
}

type level struct {
	Location  string `json:"location"`
	OnHand    int    `json:"on_hand"`
	Reserved  int    `json:"reserved"`
	Available int    `json:"available"`
}

type customerSummary struct {
	Orders    int      `json:"orders"`
	Cancelled int      `json:"cancelled"`
	Delivered int      `json:"delivered"`
	Totals    []amount `json:"totals"`
}

func (s *shop) receive(ctx context.Context, sku, location string, quantity int) error {
	return s.post(ctx, "/api/v1/stock/receipts", "receipt-"+sku+"-"+location,
		map[string]any{"sku": sku, "location": location, "quantity": quantity}, nil)
}

func (s *shop) place(ctx context.Context, key string, o newOrder) (placed Order, err error) {
	return placed, s.post(ctx, "/api/v1/orders", key, o, &placed)
}

func (s *shop) cancel(ctx context.Context, orderID, reason string) error {
	return s.post(ctx, "/api/v1/orders/"+orderID+"/cancel", "", map[string]any{"reason": reason, "by": "customer"}, nil)
}

func (s *shop) dispatch(ctx context.Context, orderID string, shipment shipment, carrier, tracking string) error {
	return s.post(ctx, "/api/v1/orders/"+orderID+"/shipments/"+shipment.ShipmentID+"/dispatch", "",
		map[string]any{"carrier": carrier, "tracking_number": tracking}, nil)
}

func (s *shop) deliver(ctx context.Context, orderID string, shipment shipment) error {
	return s.post(ctx, "/api/v1/orders/"+orderID+"/shipments/"+shipment.ShipmentID+"/deliver", "", map[string]any{}, nil)
}

func (s *shop) order(ctx context.Context, orderID string) (shown Order, err error) {
	return shown, s.get(ctx, "/api/v1/orders/"+orderID, &shown)
}

// orders lists the newest orders, at most limit.
func (s *shop) orders(ctx context.Context, limit int) ([]Order, error) {
	var page struct {
		Orders []Order `json:"orders"`
	}
	err := s.get(ctx, fmt.Sprintf("/api/v1/orders?limit=%d", limit), &page)
	return page.Orders, err
}

func (s *shop) timeline(ctx context.Context, orderID string) ([]timelineEntry, error) {
	var shown struct {
		Events []timelineEntry `json:"events"`
	}
	err := s.get(ctx, "/api/v1/orders/"+orderID+"/events", &shown)
	return shown.Events, err
}

func (s *shop) stock(ctx context.Context, sku string) ([]level, error) {
	var shown struct {
		Levels []level `json:"levels"`
	}
	err := s.get(ctx, "/api/v1/stock/"+url.PathEscape(sku), &shown)
	return shown.Levels, err
}

func (s *shop) customer(ctx context.Context, id string) (shown customerSummary, err error) {
	return shown, s.get(ctx, "/api/v1/customers/"+url.PathEscape(id)+"/summary", &shown)
}

func (s *shop) get(ctx context.Context, path string, into any) error {
	return s.call(ctx, http.MethodGet, path, "", nil, into)
}

func (s *shop) post(ctx context.Context, path, key string, body, into any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	return s.call(ctx, http.MethodPost, path, key, content, into)
}

// answerBytesMax bounds what is read of an answer.
const answerBytesMax = 4 << 20

// refused is an answer that is no success.
type refused struct {
	Status int
	Text   string
}

func (r *refused) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Text) }

func (s *shop) call(ctx context.Context, method, path, key string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if s.apiKey != "" {
		request.Header.Set("Authorization", "Bearer "+s.apiKey)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %w", method, path, &refused{response.StatusCode, strings.TrimSpace(string(content))})
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	return nil
}
