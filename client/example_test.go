package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
)

// platform stands for the API: it answers every request in the same way.
func platform(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if wanted := r.Header.Get("Accept"); wanted != "" {
			w.Header().Set("Content-Type", wanted)
		}
		if status >= http.StatusBadRequest {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		if r.Header.Get("Prefer") != "" {
			w.Header().Set("Preference-Applied", r.Header.Get("Prefer"))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
}

func Example() {
	api := platform(http.StatusCreated, `{"order_id": "3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11", "order_number": "ORD-7K3M-9Q2X-41TB",
		"status": "confirmed", "total": {"amount": "39.80", "currency": "EUR"}}`)
	defer api.Close()

	shop, err := client.New(api.URL, client.WithAPIKey("secret"))
	if err != nil {
		fmt.Println(err)
		return
	}
	placed, err := shop.PlaceOrder(context.Background(), client.NewOrder{
		CustomerID:      "cust-1001",
		Currency:        "EUR",
		Items:           []client.NewItem{{ProductID: "p-espresso", SKU: "ESP-250", Quantity: 2, UnitPrice: "19.90"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace", Email: "ada@example.com"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
		PaymentToken:    "tok_approve",
	}, client.IdempotencyKey("basket-4711"), client.Wait(5*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placed.OrderNumber, placed.Status, placed.Total)
	// Output: ORD-7K3M-9Q2X-41TB confirmed 39.80 EUR
}

func ExampleProblem() {
	api := platform(http.StatusConflict, `{"code": "not_cancellable", "detail": "order ORD-7K3M-9Q2X-41TB is shipped",
		"order": {"status": "shipped"}}`)
	defer api.Close()

	shop, err := client.New(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = shop.CancelOrder(context.Background(), uuid.New(), client.CancelOrder{Reason: "changed_my_mind"})
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Code == client.CodeNotCancellable {
		fmt.Println(refused.Detail)
		fmt.Println("the order is", refused.Order.Status)
	}
	// Output:
	// order ORD-7K3M-9Q2X-41TB is shipped
	// the order is shipped
}

func ExampleClient_Orders() {
	api := platform(http.StatusOK, `{"orders": [{"order_number": "ORD-7K3M-9Q2X-41TB", "status": "delivered"},
		{"order_number": "ORD-0C5D-2M8N-QR7S", "status": "delivered"}]}`)
	defer api.Close()

	shop, err := client.New(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	for order, err := range shop.Orders(context.Background(), client.OrderQuery{Status: client.OrderDelivered}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(order.OrderNumber)
	}
	// Output:
	// ORD-7K3M-9Q2X-41TB
	// ORD-0C5D-2M8N-QR7S
}

// All of a list in one request, as the API reads it: neither side holds more than a page.
func ExampleClient_ExportShipments() {
	api := platform(http.StatusOK, `{"order_number": "ORD-7K3M-9Q2X-41TB", "shipment": {"carrier": "dhl", "status": "delivered"}}
{"order_number": "ORD-0C5D-2M8N-QR7S", "shipment": {"carrier": "ups", "status": "lost"}}
`)
	defer api.Close()

	shop, err := client.New(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	for s, err := range shop.ExportShipments(context.Background(), client.ShipmentQuery{Location: "berlin"}) {
		if errors.Is(err, client.ErrCutOff) {
			fmt.Println("that is not all")
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(s.OrderNumber, s.Shipment.Carrier, s.Shipment.Status)
	}
	// Output:
	// ORD-7K3M-9Q2X-41TB dhl delivered
	// ORD-0C5D-2M8N-QR7S ups lost
}

func ExampleClient_Export() {
	api := platform(http.StatusOK, "sku,on_hand\nESP-250,12\n")
	defer api.Close()

	shop, err := client.New(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = shop.Export(context.Background(), client.StockQuery{Location: "berlin"}, client.Table, os.Stdout, client.Fields("sku", "on_hand"))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// sku,on_hand
	// ESP-250,12
}

// A receiver of webhooks takes nothing that is not signed with its secret.
func ExampleWebhookVerifier() {
	verifier, err := client.NewWebhookVerifier("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// region verify
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = verifier.Read(r.Header, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		// endregion
	}))
	defer shop.Close()

	forged, err := http.Post(shop.URL, "application/json", strings.NewReader(`{"type": "OrderShipped"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer forged.Body.Close() //nolint:errcheck // of an example
	fmt.Println(forged.Status)
	// Output: 400 Bad Request
}

// A sale that was sent twice under one key is one order, however the first answer was lost.
func ExampleIdempotencyKey() {
	lost := true
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("asked under", r.Header.Get("Idempotency-Key"))
		if lost {
			lost = false
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"order_number": "ORD-7K3M-9Q2X-41TB"}`)
	}))
	defer api.Close()

	shop, err := client.New(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	placed, err := shop.PlaceOrder(context.Background(), client.NewOrder{CustomerID: "cust-1001"}, client.IdempotencyKey("basket-4711"))
	fmt.Println(placed.OrderNumber, err)
	// Output:
	// asked under basket-4711
	// asked under basket-4711
	// ORD-7K3M-9Q2X-41TB <nil>
}

func ExampleClient_StreamOrders() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 1731-42\nevent: order\ndata: {\"order_number\": \"ORD-7K3M-9Q2X-41TB\", \"status\": \"shipped\"}\n\n")
	}))
	defer api.Close()

	shop, err := client.New(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	for change, err := range shop.StreamOrders(context.Background(), client.StreamQuery{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(change.EventID, change.OrderNumber, change.Status)
		break
	}
	// Output: 1731-42 ORD-7K3M-9Q2X-41TB shipped
}
