package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// testBundle is an API over a fake platform. Every exchange with it is checked against openapi.yaml.
type testBundle struct {
	*fakePlatform
	api      *API
	log      *syncBuffer
	happened *fakeEvents
}

func setup(t *testing.T, change ...func(*Options)) *testBundle {
	t.Helper()
	b := &testBundle{fakePlatform: newFakePlatform(), log: &syncBuffer{}, happened: newFakeEvents()}
	o := Options{
		Sagas: b.fakePlatform, Warehouse: b.fakePlatform, Orders: b.fakePlatform, Views: b.fakePlatform, Vault: b.fakePlatform,
		History: fakeHistory{b.fakePlatform}, Changes: b.fakePlatform, Keys: newFakeKeys(), Audit: &fakeAudit{}, Endpoints: newFakeEndpoints(), Events: b.happened, Sandbox: &fakeSandbox{platform: b.fakePlatform}, Limits: testLimits(), Logger: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&o)
	}
	b.api = New(o)
	return b
}

// testLimits are limits that no test reaches unless it means to.
func testLimits() Limits {
	return Limits{
		Limits:     httpx.Limits{BodyBytesMax: 256 << 10, RequestTimeout: 15 * time.Second, RequestsMax: 512},
		CancelWait: 8 * time.Second, ReportWait: 5 * time.Second, SettleWait: 10 * time.Second, HistoryWait: 500 * time.Millisecond,
		StreamsMax: 256, StreamKeepAlive: 15 * time.Second,
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// object decodes the answer's body.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &m), a.body)
	return m
}

// problem is a problem with the order that refused something.
type problem struct {
	httpx.Problem
	Order         *orderState    `json:"order"`
	MissingScopes []access.Scope `json:"missing_scopes"`
}

// problem decodes a problem and requires its code.
func (a answer) problem(t *testing.T, status int, code domain.ErrorCode) problem {
	t.Helper()
	var p problem
	require.Equal(t, status, a.status, a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), a.body)
	require.Equal(t, code, p.Code, a.body)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(t, "/problems/"+string(code), p.Type)
	require.Equal(t, status, p.Status)
	require.Equal(t, a.header.Get("X-Request-Id"), p.RequestID)
	return p
}

// fields are the fields that a problem blames, as "in:field".
func (p problem) fields() []string {
	var f []string
	for _, e := range p.Errors {
		f = append(f, e.In+":"+e.Field)
	}
	return f
}

// do sends a request; headers are pairs. A body makes it application/json unless a header says
// otherwise.
func (b *testBundle) do(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, reader)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Result().Header, body: w.Body.String()}
	checkExchange(t, r, body, a)
	return a
}

func (b *testBundle) get(t *testing.T, target string, headers ...string) answer {
	t.Helper()
	return b.do(t, http.MethodGet, target, "", headers...)
}

func (b *testBundle) post(t *testing.T, target, body string, headers ...string) answer {
	t.Helper()
	return b.do(t, http.MethodPost, target, body, headers...)
}

// goodOrder is an order with nothing wrong.
const goodOrder = `{
	"customer_id": "cust-1",
	"currency": "EUR",
	"items": [{"product_id": "p-1", "sku": "SKU-1", "quantity": 2, "unit_price": "19.90"}],
	"recipient": {"name": "Geheime Person"},
	"shipping_address": {"street": "Geheime Str. 7", "city": "Berlin", "state": "", "zip": "10119", "country": "DE"},
	"payment_token": "tok_approve"
}`

var (
	someOrder    = uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	someShipment = uuid.MustParse("6c0b4a2f-0f1e-5d4c-8b3a-2f1e0d9c8b7a")
	someLine     = order.LineID(someOrder, 1)
)

// givenOrder puts an order of one shipment where views and events are.
func (b *testBundle) givenOrder(t *testing.T, status order.Status, shipment order.ShipmentStatus) readmodel.OrderView {
	t.Helper()
	v := orderView(t, b, status, shipment)
	b.views[v.OrderID] = v
	b.folds[v.OrderID] = order.Order{
		ID: v.OrderID, Number: v.OrderNumber, CustomerID: v.CustomerID, Status: v.Status, Items: v.Items, Total: v.Total,
		ShipToCountry: v.ShipToCountry, Personal: v.Personal, Shipments: v.Shipments, PlacedAt: v.CreatedAt,
		CancelReason: v.CancelReason, CancelledBy: v.CancelledBy,
	}
	return v
}

func orderView(t *testing.T, b *testBundle, status order.Status, shipment order.ShipmentStatus) readmodel.OrderView {
	t.Helper()
	sealed, err := b.Seal(context.Background(), "cust-1", order.Recipient{
		Contact:         order.Contact{Name: "Geheime Person", Phone: "+49301234567", Email: "geheim@example.com"},
		ShippingAddress: order.Address{Line1: "Geheime Str. 7", City: "Berlin", Zip: "10119", Country: "DE"},
	})
	require.NoError(t, err)
	b.sealed = 0
	v := readmodel.OrderView{
		OrderID: someOrder, OrderNumber: order.Number(someOrder), CustomerID: "cust-1", Status: status, PaymentStatus: "authorized",
		FulfillmentStatus: "unfulfilled", Total: money.Must("39.80", "EUR"), Captured: money.Zero("EUR"), Refunded: money.Zero("EUR"),
		Items:         []order.Item{{LineID: someLine, ProductID: "p-1", SKU: "SKU-1", Quantity: 2, UnitPrice: money.Must("19.90", "EUR")}},
		ShipToCountry: "DE", Personal: sealed, CreatedAt: acceptedAt, UpdatedAt: acceptedAt, Version: 2, PaymentVersion: 1,
	}
	if status == order.StatusCancelled {
		v.CancelReason, v.CancelledBy = order.ReasonCustomerRequest, order.ByCustomer
	}
	if shipment != "" {
		v.Shipments = []order.Shipment{{
			ShipmentID: someShipment, Location: "berlin", Amount: money.Must("39.80", "EUR"), Status: shipment,
			Lines: []order.ShipmentLine{{LineID: someLine, SKU: "SKU-1", Quantity: 2, UnitPrice: money.Must("19.90", "EUR")}},
		}}
		if shipment.Left() {
			v.Shipments[0].Carrier, v.Shipments[0].TrackingNumber = "DHL", "00340434161094015902"
		}
	}
	return v
}

func orderPath(rest string) string { return "/api/v1/orders/" + someOrder.String() + rest }
