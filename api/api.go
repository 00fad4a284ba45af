package api

import (
	_ "embed"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/payments"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// spec is the contract.
//
//go:embed openapi.yaml
var spec []byte

// contract holds requests to the contract. It is compiled once.
var contract = sync.OnceValue(func() *httpx.Contract {
	c, err := httpx.NewContract(spec)
	if err != nil {
		panic(err) // the document is part of the program
	}
	return c
})

// Versions are the versions of the API. docs/versions.md tells what each has changed.
var Versions = version.New("2026-11-27")

// Options is what the API is made of. Sagas, Warehouse, Orders, Views, Vault, History and Limits are required.
type Options struct {
	Sagas     Sagas
	Warehouse Warehouse
	Orders    Orders
	Views     Views
	Vault     Vault
	History   History
	Limits    Limits

	// Rate bounds how many requests a caller makes, and the zero value none. Lender makes it hold over all processes;
	// with nil, it holds in each.
	Rate   httpx.Rate
	Lender httpx.Lender
	// OrderRate bounds how many orders a caller places, besides.
	OrderRate httpx.Rate
	// Webhooks reads what payment gateways report, by the gateway's name: POST /webhooks/{gateway}. Payments takes
	// it to the sagas, and is required with it. Without webhooks there is no route.
	Webhooks map[string]payments.Webhook
	Payments PaymentReports
	// Capabilities are what the payment gateway can do; the zero value charges every order.
	Capabilities payments.Capabilities
	// Taxes finds the taxes of lines that come without any; nil finds none.
	Taxes TaxProvider
	// Allocator chooses where the goods of an order come from, to preview one: the one that the sagas work with. Nil is
	// [inventory.NearestFirst].
	Allocator inventory.Allocator
	// ShippingByValue shares shipping lines out over the shipments by what each costs. Otherwise the one that leaves
	// first carries them.
	ShippingByValue bool
	// Returns says how long returns wait.
	Returns ReturnDeadlines
	// Contacts finds orders by email address and phone number; nil finds none by them.
	Contacts ContactIndex
	// Changes feeds GET /api/v1/orders/stream; nil leaves the route out.
	Changes Changes
	// Events feeds GET /api/v1/events; nil leaves the routes out.
	Events Events
	// Checks are what GET /ready asks; none means that the API is ready whenever it serves.
	Checks []Check
	// Unconfirmed returns an error while the event store takes no append: nothing is accepted then. Nil means never.
	Unconfirmed func() error
	// Authenticator tells who calls. Nil opens the API to everyone, which is for development.
	Authenticator httpx.Authenticator
	// Audit keeps who has done what besides orders; nil keeps nothing and leaves the route out.
	Audit Audit
	// Proxies are the networks of proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Keys makes and ends the keys that the API takes; nil leaves the routes out. KeyOverlap is how long the former
	// secret of a rotated key holds, where the request does not say.
	Keys       Keys
	KeyOverlap time.Duration
	// Sandbox is what a platform for trying can be asked for besides; nil for a live one, which leaves the routes out.
	// Every answer of one for trying says so.
	Sandbox Sandbox
	// Endpoints keeps where accounts are told of events; nil leaves the routes out. It needs Events.
	Endpoints Endpoints
	// Origins are those whose pages may ask from a browser, such as "https://shop.example.com". Empty lets none.
	Origins []string
	// Metrics answers GET /metrics; nil leaves the route out.
	Metrics http.Handler

	// Versions are those of the API; nil is [Versions].
	Versions *version.History

	// Logger takes one line per request; nil is [slog.Default].
	Logger *slog.Logger
	// Registerer takes the API's metrics; nil keeps them to itself.
	Registerer prometheus.Registerer
	// TracerProvider makes one span per request; nil makes none.
	TracerProvider trace.TracerProvider
	// Propagator reads the caller's trace context; nil is W3C's traceparent.
	Propagator propagation.TextMapPropagator
}

// Limits bounds what one request, and all of them together, may cost. All of them are required.
type Limits struct {
	httpx.Limits
	// CancelWait is how long a change of an order is waited for before it is answered with 202.
	CancelWait time.Duration
	// ReportWait is how long a report of a shipment is waited for. Then it is left for the saga and answered with 202.
	ReportWait time.Duration
	// SettleWait is how long a client may have a placed order waited for, in whole seconds. It is never more than two
	// thirds of RequestTimeout. At most half of RequestsMax wait at once, and half of these of one caller. Others are
	// answered at once.
	SettleWait time.Duration
	// HistoryWait bounds the question whether an Idempotency-Key is known.
	HistoryWait time.Duration
	// StreamsMax bounds how many clients follow the changes of orders at once. A caller has at most a quarter of them.
	StreamsMax int
	// StreamKeepAlive is how often a stream on which nothing happens says that it is there.
	StreamKeepAlive time.Duration
}

func (l Limits) complete() bool {
	return l.CancelWait > 0 && l.ReportWait > 0 && l.SettleWait > 0 && l.HistoryWait > 0 && l.StreamsMax > 0 && l.StreamKeepAlive > 0
}

// API is the platform's HTTP handler. It is safe for concurrent use.
type API struct {
	sagas      Sagas
	warehouse  Warehouse
	orders     Orders
	views      Views
	vault      Vault
	history    History
	webhooks   map[string]payments.Webhook
	payments   PaymentReports
	can        payments.Capabilities
	sandbox    Sandbox   // nil for a live platform
	keys       Keys      // nil without
	audit      Audit     // nil without
	endpoints  Endpoints // nil without
	keyOverlap time.Duration
	changes    Changes      // nil without
	events     Events       // nil without
	contacts   ContactIndex // nil without
	// taxes is nil where none are found.
	taxes           TaxProvider
	allocator       inventory.Allocator // nil for the usual one
	shippingByValue bool
	returns         ReturnDeadlines

	limits    Limits
	readiness *readiness
	// unconfirmed says why nothing is accepted; nil when it is.
	unconfirmed func() error
	waits       *httpx.Share // of those whose clients wait for a placed order
	streams     *httpx.Share
	imports     *httpx.Share
	following   prometheus.Gauge
	reported    *prometheus.CounterVec
	drained     chan struct{}
	drainOnce   sync.Once
	now         func() time.Time
	versions    *version.History
	router      *httpx.Router
	front       http.Handler // before the router
}

// New returns the API. It panics when a required option or a limit is missing, or when two APIs share a
// registerer: both are mistakes of the program.
func New(o Options) *API {
	switch {
	case o.Sagas == nil, o.Warehouse == nil, o.Orders == nil, o.Views == nil, o.Vault == nil, o.History == nil:
		panic("api: Options lacks one of Sagas, Warehouse, Orders, Views, Vault and History")
	case o.Endpoints != nil && o.Events == nil:
		panic("api: Options has Endpoints and lacks Events")
	case len(o.Webhooks) > 0 && o.Payments == nil:
		panic("api: Options has Webhooks and lacks Payments")
	case !o.Limits.complete():
		panic("api: Options lacks a limit")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Unconfirmed == nil {
		o.Unconfirmed = func() error { return nil }
	}
	a := &API{
		sagas: o.Sagas, warehouse: o.Warehouse, orders: o.Orders, views: o.Views, vault: o.Vault, history: o.History,
		webhooks: o.Webhooks, payments: o.Payments, can: o.Capabilities, changes: o.Changes, events: o.Events, contacts: o.Contacts, limits: o.Limits,
		keys: o.Keys, audit: o.Audit, endpoints: o.Endpoints, keyOverlap: o.KeyOverlap, taxes: o.Taxes, allocator: o.Allocator, shippingByValue: o.ShippingByValue,
		returns: o.Returns, sandbox: o.Sandbox,
		unconfirmed: o.Unconfirmed, readiness: newReadiness(o.Checks, o.Logger),
		waits: httpx.NewShare(o.Limits.RequestsMax/2, o.Limits.RequestsMax/4), streams: httpx.NewShare(o.Limits.StreamsMax, o.Limits.StreamsMax/4),
		imports:   httpx.NewShare(o.Limits.RequestsMax/importAtOnce, o.Limits.RequestsMax/importAtOnce/4),
		following: prometheus.NewGauge(prometheus.GaugeOpts{Name: "orderloom_http_streams", Help: "Clients that follow the changes of orders, or the events."}),
		reported:  newWebhooksTotal(),
		drained:   make(chan struct{}), now: time.Now,
	}
	a.limits.SettleWait = min(o.Limits.SettleWait, o.Limits.RequestTimeout*2/3).Truncate(time.Second)
	if o.Registerer != nil {
		o.Registerer.MustRegister(a.following, a.reported, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderloom_http_settling", Help: "Requests with \"Prefer: wait\" that wait for their order.",
		}, func() float64 { return float64(a.waits.Held()) }))
	}
	if o.Authenticator == nil {
		o.Logger.Warn("the API is open: anyone who reaches it may place and cancel orders; ORDERLOOM_API_OPEN=no closes it")
	}
	if a.versions = o.Versions; a.versions == nil {
		a.versions = Versions
	}
	var auditor httpx.Auditor
	if o.Audit != nil {
		auditor = o.Audit
	}
	a.router = httpx.NewRouter(httpx.Options{
		Auditor: auditor, Versions: a.versions,
		Drained: a.drained, Contract: contract(), Limits: o.Limits.Limits, Logger: o.Logger, Rate: o.Rate, OrderRate: o.OrderRate, Lender: o.Lender,
		Authenticator: o.Authenticator, Proxies: o.Proxies, AsProblem: asProblem,
		Registerer: o.Registerer, TracerProvider: o.TracerProvider, Propagator: o.Propagator,
	})
	for _, r := range a.routes(o) {
		r = recorded(a.owned(a.ownedEndpoint(a.conditional(r))))
		if r.Method == http.MethodPost && r.Path != searchPath && r.Path != previewPath && !strings.HasPrefix(r.Path, keysPath) {
			r.Handle = a.changing(r.Handle)
		}
		a.router.Handle(r)
	}
	a.front = front(a.router, o.Origins, o.Sandbox != nil)
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.front.ServeHTTP(w, r) }

// Drain makes GET /ready answer 503 from now on, so that no new requests are sent here. It ends all streams
// and exports, which would otherwise keep the server from shutting down. It may be called more than once.
func (a *API) Drain() { a.drainOnce.Do(func() { close(a.drained) }) }

// draining reports whether Drain was called.
func (a *API) draining() bool {
	select {
	case <-a.drained:
		return true
	default:
		return false
	}
}

// metricsCost is how many requests one for the metrics counts as: it asks every metric of the process for its value.
const metricsCost = 50

// The first two take a POST that changes nothing. Those below keysPath change no order, so that a key can be revoked at
// all times.
const (
	searchPath  = "/api/v1/orders/search"
	previewPath = "/api/v1/orders/preview"
	keysPath    = "/api/v1/keys"
)

func (a *API) routes(o Options) []httpx.Route {
	routes := []httpx.Route{
		{Method: "POST", Path: "/api/v1/orders", Places: true, Handle: httpx.BodyOrAgain(a.placeOrder, a.placedByOtherRules)},
		{Method: "GET", Path: "/api/v1/orders", Check: checkList, Export: true, Handle: a.listOrders},
		{Method: "POST", Path: searchPath, Reads: true, Handle: httpx.Body(a.searchOrders)},
		{Method: "POST", Path: previewPath, Reads: true, Handle: httpx.Body(a.previewOrder)},
		{Method: "GET", Path: "/api/v1/orders/{order_id}", Handle: a.getOrder},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/cancel", Handle: httpx.Body(a.cancelOrder)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/lines/cancel", Handle: httpx.Body(a.cancelLines)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/edit", Handle: httpx.Body(a.editOrder)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/amend", Handle: httpx.Body(a.amendOrder)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/details", Handle: httpx.Body(a.changeDetails)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/notes", Handle: httpx.Body(a.addNote)},
		{Method: "GET", Path: "/api/v1/orders/{order_id}/notes", Handle: a.getNotes},
		{Method: "GET", Path: "/api/v1/orders/{order_id}/money", Handle: a.getMoney},
		{Method: "GET", Path: "/api/v1/orders/{order_id}/invoices", Handle: a.getInvoices},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/payment", Handle: httpx.Body(a.providePayment)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/approve", Handle: httpx.Body(a.approveOrder)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/reject", Handle: httpx.Body(a.rejectOrder)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/returns", Handle: httpx.Body(a.returnGoods)},
		{Method: "GET", Path: "/api/v1/orders/{order_id}/returns", Handle: a.getReturns},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/exchanges", Places: true, Handle: httpx.Body(a.exchangeGoods)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/returns/{return_id}/approve", Handle: httpx.Body(a.approveReturn)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/returns/{return_id}/refuse", Handle: httpx.Body(a.refuseReturn)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/returns/{return_id}/cancel", Handle: httpx.Body(a.cancelReturn)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/returns/{return_id}/receive", Handle: httpx.Body(a.receiveReturn)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/refunds", Handle: httpx.Body(a.refundPayment)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/refunds/{refund_id}/retry", Handle: httpx.Body(a.retryRefund)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/attention/{attention_id}/retry", Handle: httpx.Body(a.retryAttention)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/attention/{attention_id}/resolve", Handle: httpx.Body(a.resolveAttention)},
		{Method: "GET", Path: "/api/v1/orders/{order_id}/events", Handle: a.getTimeline},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/shipments/{shipment_id}/dispatch", Handle: httpx.Body(a.dispatchShipment)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/shipments/{shipment_id}/tracking", Handle: httpx.Body(a.correctTracking)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/shipments/{shipment_id}/deliver", Handle: httpx.Body(a.deliverShipment)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/shipments/{shipment_id}/lost", Handle: httpx.Body(a.loseShipment)},
		{Method: "POST", Path: "/api/v1/orders/{order_id}/shipments/{shipment_id}/refused", Handle: httpx.Body(a.refuseShipment)},
		{Method: "POST", Path: "/api/v1/stock/receipts", Handle: httpx.Body(a.receiveStock)},
		{Method: "POST", Path: "/api/v1/stock/adjustments", Handle: httpx.Body(a.adjustStock)},
		{Method: "GET", Path: "/api/v1/payments", Check: checkTimes, Export: true, Handle: a.listPayments},
		{Method: "GET", Path: "/api/v1/invoices", Check: checkIssued, Export: true, Handle: a.listInvoices},
		{Method: "GET", Path: "/api/v1/invoices/{number}", Handle: a.getInvoice},
		{Method: "GET", Path: "/api/v1/refunds", Check: checkTimes, Export: true, Handle: a.listRefunds},
		{Method: "GET", Path: "/api/v1/returns", Check: checkTimes, Export: true, Handle: a.listReturns},
		{Method: "GET", Path: "/api/v1/shipments", Check: checkTimes, Export: true, Handle: a.listShipments},
		{Method: "GET", Path: "/api/v1/stock", Export: true, Handle: a.listStock},
		{Method: "GET", Path: "/api/v1/stock/{sku}", Handle: a.getStock},
		{Method: "POST", Path: "/api/v1/locations", Handle: httpx.Body(a.addLocation)},
		{Method: "GET", Path: "/api/v1/locations", Handle: a.getLocations},
		{Method: "GET", Path: "/api/v1/locations/{location_id}", Handle: a.getLocation},
		{Method: "POST", Path: "/api/v1/locations/{location_id}", Handle: httpx.Body(a.changeLocation)},
		{Method: "GET", Path: "/api/v1/customers/{customer_id}", Handle: a.getCustomerTotals},
		{Method: "GET", Path: "/api/v1/customers/{customer_id}/summary", Handle: a.getCustomer},
		{Method: "GET", Path: "/api/v1/attention", Export: true, Handle: a.listAttention},
		{Method: "GET", Path: "/api/v1/projections", Handle: a.getProjections},
	}
	routes = append(routes, a.openRoutes()...)
	routes = append(routes, a.importRoutes()...)
	if o.Metrics != nil {
		routes = append(routes, httpx.Route{Method: "GET", Path: "/metrics", Quiet: true, Cost: metricsCost, Handle: httpx.Serve(o.Metrics)})
	}
	if o.Changes != nil {
		routes = append(routes, httpx.Route{Method: "GET", Path: "/api/v1/orders/stream", Unbounded: true, Endless: true, Handle: a.streamOrders})
	}
	routes = append(routes, a.accessRoutes(o)...)
	routes = append(routes, a.followRoutes(o)...)
	if len(o.Webhooks) > 0 {
		routes = append(routes, httpx.Route{Method: "POST", Path: "/webhooks/{gateway}", Open: true, Handle: a.paymentWebhook})
	}
	return routes
}

// followRoutes are about what happens.
func (a *API) followRoutes(o Options) (routes []httpx.Route) {
	if o.Events != nil {
		routes = a.eventRoutes()
	}
	if o.Endpoints != nil {
		routes = append(routes, a.endpointRoutes()...)
	}
	return routes
}

// openRoutes need no credential.
func (a *API) openRoutes() []httpx.Route {
	return []httpx.Route{
		{Method: "GET", Path: "/health", Open: true, Unbounded: true, Quiet: true, Handle: a.getHealth},
		{Method: "GET", Path: "/ready", Open: true, Unbounded: true, Quiet: true, Handle: a.getReady},
		{Method: "GET", Path: "/openapi.yaml", Open: true, Handle: a.getSpec},
		{Method: "GET", Path: "/docs", Open: true, Handle: a.getDocs},
		{Method: "GET", Path: "/problems/{code}", Open: true, Handle: a.getProblem},
	}
}

// accessRoutes are about who may call, and who has called. A platform for trying has more.
func (a *API) accessRoutes(o Options) (routes []httpx.Route) {
	if o.Keys != nil {
		routes = a.keyRoutes()
	}
	if o.Sandbox != nil {
		routes = append(routes, a.sandboxRoutes()...)
	}
	if o.Audit != nil {
		routes = append(routes, httpx.Route{Method: "GET", Path: "/api/v1/audit", Check: checkTimes, Export: true, Handle: a.listAudit})
	}
	return routes
}
