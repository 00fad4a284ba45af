package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// orderID is the order that the platform tells of.
var orderID = uuid.New()

// answers is what a platform says of one order, such that it ended as the sample "Delivered" should.
type answers struct {
	order    client.Order
	events   []string
	levels   []client.StockLevel
	customer client.CustomerSummary
}

func asItShould(sample sample) answers {
	return answers{
		order: client.Order{
			OrderID: orderID, OrderNumber: "ORD-1", CustomerID: sample.order.CustomerID, Status: "delivered", PaymentStatus: "captured",
			FulfillmentStatus: "delivered", Total: client.Money{Amount: "39.80", Currency: "EUR"}, Captured: client.Money{Amount: "39.80", Currency: "EUR"},
			Shipments: []client.Shipment{{Status: "delivered"}},
		},
		// those of the payment and the stock may come between those of the order
		events: []string{
			"OrderPlaced", "StockReserved", "PaymentAuthorized", "OrderConfirmed", "PaymentCaptured", "StockCommitted",
			"ShipmentDispatched", "OrderShipped", "ShipmentDelivered", "OrderDelivered",
		},
		levels:   []client.StockLevel{{Location: "berlin", OnHand: 8, Available: 8}, {Location: "reno", OnHand: 3, Available: 3}},
		customer: client.CustomerSummary{Orders: 1, Delivered: 1},
	}
}

// placed is what the platform said when the order was placed.
func (a answers) placed() client.PlacedOrder {
	return client.PlacedOrder{OrderAccepted: client.OrderAccepted{OrderID: a.order.OrderID, OrderNumber: a.order.OrderNumber}}
}

// platform serves the answers.
func (a answers) platform(t *testing.T, sku string) *client.Client {
	t.Helper()
	entries := make([]client.TimelineEntry, len(a.events))
	for i, event := range a.events {
		entries[i].EventType = event
	}
	mux := http.NewServeMux()
	for path, answer := range map[string]any{
		"/api/v1/orders/" + orderID.String():                   a.order,
		"/api/v1/orders/" + orderID.String() + "/events":       map[string]any{"events": entries},
		"/api/v1/stock/" + sku:                                 map[string]any{"levels": a.levels},
		"/api/v1/customers/" + a.order.CustomerID + "/summary": a.customer,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(answer) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	require.NoError(t, err)
	return c
}

func TestAnOrderThatEndedAsItShould(t *testing.T) {
	t.Parallel()
	sample := cast{run: "run", here: "berlin", elsewhere: "reno"}.delivered()
	given := asItShould(sample)
	ended := sample.check(t.Context(), given.platform(t, "espresso-run"), given.placed())
	require.Empty(t, ended.differences)
	require.Equal(t, []string{"espresso-run at berlin: 8 on hand, 0 reserved"}, ended.levels)
}

func TestEveryDifferenceIsNoticed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*answers)
		want   string
	}{
		"status":          {func(a *answers) { a.order.Status = "shipped" }, "order status: shipped instead of delivered"},
		"payment":         {func(a *answers) { a.order.PaymentStatus = "authorized" }, "payment status: authorized instead of captured"},
		"fulfilment":      {func(a *answers) { a.order.FulfillmentStatus = "shipped" }, "fulfilment status: shipped instead of delivered"},
		"money":           {func(a *answers) { a.order.Captured.Amount = "79.60" }, "money taken: 79.60 instead of 39.80"},
		"reason":          {func(a *answers) { a.order.CancelReason = "why" }, "reason told to the customer: why instead of "},
		"shipment":        {func(a *answers) { a.order.Shipments[0].Status = "dispatched" }, "shipments delivered: 0 instead of 1"},
		"event too many":  {func(a *answers) { a.events = append(a.events, "PaymentCaptured") }, "events: "},
		"event missing":   {func(a *answers) { a.events = a.events[:len(a.events)-1] }, "events: "},
		"order of events": {func(a *answers) { a.events[0], a.events[3] = a.events[3], a.events[0] }, "events: "},
		"stock on hand":   {func(a *answers) { a.levels[0].OnHand = 10 }, "on hand of espresso-run at berlin: 10 instead of 8"},
		"stock reserved":  {func(a *answers) { a.levels[0].Reserved = 2 }, "reserved of espresso-run at berlin: 2 instead of 0"},
		"no stock":        {func(a *answers) { a.levels = nil }, "on hand of espresso-run at berlin: 0 instead of 8"},
		"customer":        {func(a *answers) { a.customer.Delivered = 0 }, "the customer's delivered orders: 0 instead of 1"},
		"twice":           {func(a *answers) { a.customer.Orders = 2 }, "the customer's orders: 2 instead of 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sample := cast{run: "run", here: "berlin", elsewhere: "reno"}.delivered()
			given := asItShould(sample)
			placed := given.placed()
			c.change(&given)
			ended := result{sample: sample}
			require.NoError(t, ended.look(t.Context(), given.platform(t, "espresso-run"), placed))
			require.NotEmpty(t, ended.differences)
			require.Contains(t, ended.differences[0], c.want)
		})
	}
}
