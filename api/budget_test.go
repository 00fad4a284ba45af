//go:build budgets

package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// Budgets of allocations per request, of the API alone: what stands behind it allocates nothing here. They are what
// is measured and a few more; whoever goes above has a reason, and writes it down here.
//
// Most of them are the price of checking each request against the document at run time (docs/adr/0017). Before, with
// a reader of our own for each body, they were 60, 20 and 18. A recipient, with an address held to its country, took 35
// more to place and 10 more to show.
const (
	placeOrderAllocsMax = 305
	getOrderAllocsMax   = 44
	// listOrdersAllocsMax is for a page of 20, with two parameters: none of an order's own.
	listOrdersAllocsMax = 63
)

func requireWithin(t *testing.T, allocs, most float64) {
	t.Helper()
	t.Logf("%.0f allocations, of at most %.0f", allocs, most)
	require.LessOrEqual(t, allocs, most)
}

// nothing is a platform that does nothing, so that only the API is measured.
type nothing struct{ *fakePlatform }

var sealedNothing = domain.Sealed{Key: "cust-1:1", Data: []byte{1}}

func (nothing) PlaceOrder(context.Context, workflows.OrderInput) (workflows.OrderMemo, bool, error) {
	return workflows.OrderMemo{}, false, nil
}

func (nothing) Seal(context.Context, string, any) (domain.Sealed, error) { return sealedNothing, nil }

func (nothing) Open(_ context.Context, _ domain.Sealed, value any) error {
	*value.(*json.RawMessage) = json.RawMessage(`{"shipping_address":{}}`)
	return nil
}

// written is a read model of one order.
type written struct {
	nothing
	shown readmodel.Shown
}

func (w written) Order(context.Context, uuid.UUID) (readmodel.Shown, error) { return w.shown, nil }

type noHistory struct{}

var errNotFound = domain.Refuse(codeNotFound, "none")

func (noHistory) Payment(context.Context, uuid.UUID) (payment.Payment, error) {
	return payment.Payment{}, nil
}

func (noHistory) Network(context.Context) (location.Network, error) { return location.Network{}, nil }

func (noHistory) Order(context.Context, uuid.UUID) (order.Order, error) {
	return order.Order{}, errNotFound
}

// discarding is a response that is thrown away.
type discarding struct {
	header http.Header
	status int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarding) WriteHeader(status int)      { d.status = status }
func (d *discarding) Flush()                      {}

// again sends the same request over and over.
type again struct {
	api     *API
	request *http.Request
	body    string
	reader  *strings.Reader
	w       *discarding
}

func newAgain(api *API, method, target, body string, headers ...string) *again {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		panic(err)
	}
	a := &again{api: api, body: body, reader: strings.NewReader(body), w: &discarding{header: http.Header{}}}
	a.request = (&http.Request{
		Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "api", RequestURI: target, RemoteAddr: "192.0.2.1:1234",
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)), Body: io.NopCloser(a.reader),
	}).WithContext(context.Background())
	for i := 0; i+1 < len(headers); i += 2 {
		a.request.Header.Set(headers[i], headers[i+1])
	}
	return a
}

func (a *again) send() {
	a.reader.Reset(a.body)
	clear(a.w.header)
	a.api.ServeHTTP(a.w, a.request)
}

func benchAPI() *API {
	n := nothing{newFakePlatform()}
	return New(Options{
		Sagas: n, Warehouse: n, Orders: n, Views: n, Vault: n, History: noHistory{},
		Limits: testLimits(), Logger: slog.New(slog.DiscardHandler),
	})
}

func TestBudgetOfPlacingAnOrder(t *testing.T) {
	a := newAgain(benchAPI(), http.MethodPost, ordersPath, goodOrder, "Idempotency-Key", "8e03978e-40d5-43e8-bc93-6894a57f9324", "X-Request-Id", "r-1")
	allocs := testing.AllocsPerRun(200, a.send)
	require.Equal(t, http.StatusCreated, a.w.status)
	requireWithin(t, allocs, placeOrderAllocsMax)
}

func TestBudgetOfReadingAnOrder(t *testing.T) {
	b := setup(t)
	api := benchAPI()
	api.orders = written{api.orders.(nothing), orderView(t, b, order.StatusShipped, order.ShipmentStatusDispatched).Shown()}
	a := newAgain(api, http.MethodGet, orderPath(""), "", "X-Request-Id", "r-1")
	allocs := testing.AllocsPerRun(200, a.send)
	require.Equal(t, http.StatusOK, a.w.status)
	requireWithin(t, allocs, getOrderAllocsMax)
}

func TestBudgetOfAPageOfOrders(t *testing.T) {
	b := setup(t)
	api := benchAPI()
	page := make([]readmodel.Shown, readmodel.PageSizeDefault)
	for i := range page {
		page[i] = orderView(t, b, order.StatusShipped, order.ShipmentStatusDispatched).Shown()
	}
	api.orders.(nothing).page = readmodel.OrderPage{Orders: page, NextCursor: "next"}
	a := newAgain(api, http.MethodGet, ordersPath+"?limit=20&status=shipped", "", "X-Request-Id", "r-1")
	allocs := testing.AllocsPerRun(200, a.send)
	require.Equal(t, http.StatusOK, a.w.status)
	requireWithin(t, allocs, listOrdersAllocsMax)
}

func BenchmarkPlaceOrder(b *testing.B) {
	a := newAgain(benchAPI(), http.MethodPost, ordersPath, goodOrder, "Idempotency-Key", "8e03978e-40d5-43e8-bc93-6894a57f9324", "X-Request-Id", "r-1")
	b.ReportAllocs()
	for b.Loop() {
		a.send()
	}
}
