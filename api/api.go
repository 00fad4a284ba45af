package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Options is what the API is made of. Sagas, Warehouse, Orders, Views, Vault and History are required.
type Options struct {
	Sagas     Sagas
	Warehouse Warehouse
	Orders    Orders
	Views     Views
	Vault     Vault
	History   History

	// Stripe takes POST /webhooks/stripe; nil leaves the route out.
	Stripe *StripeWebhook
	// Changes feeds GET /api/v1/orders/stream; nil leaves the route out.
	Changes Changes
	// Checks are what GET /ready asks; none means that the API is ready whenever it serves.
	Checks []Check
	// APIKeys are who may call. None opens the API to everyone, which is for development.
	APIKeys []APIKey
	// Metrics answers GET /metrics; nil leaves the route out.
	Metrics http.Handler
	Limits  Limits

	// Logger takes one line per request; nil is [slog.Default].
	Logger *slog.Logger
	// Registerer takes the API's metrics; nil keeps them to itself.
	Registerer prometheus.Registerer
	// TracerProvider makes one span per request; nil makes none.
	TracerProvider trace.TracerProvider
	// Propagator reads the caller's trace context; nil is W3C's traceparent.
	Propagator propagation.TextMapPropagator
}

// Limits bounds what one request, and all of them together, may cost. A zero field is its default.
type Limits struct {
	// BodyBytesMax bounds a request's body; 256 KiB.
	BodyBytesMax int64
	// RequestTimeout bounds the work on a request; 15 s.
	RequestTimeout time.Duration
	// CancelWait is how long a cancellation is waited for before it is answered with 202; 8 s.
	CancelWait time.Duration
	// ReportWait is how long a report of a shipment is waited for before it is left for the saga and answered with 202; 5 s.
	ReportWait time.Duration
	// SettleWait is how long a client may have a placed order waited for, in whole seconds; 10 s, and never more than two thirds of
	// RequestTimeout. At most half of RequestsMax wait at once; others are answered as if they did not want to.
	SettleWait time.Duration
	// HistoryWait bounds the question whether an Idempotency-Key is known; 500 ms.
	HistoryWait time.Duration
	// RequestsMax bounds how many requests are worked on at once; 512. More are refused with 503.
	RequestsMax int
	// StreamsMax bounds how many clients follow the changes of orders at once; 256.
	StreamsMax int
	// StreamKeepAlive is how often a stream on which nothing happens says that it is there; 15 s.
	StreamKeepAlive time.Duration
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.BodyBytesMax, 256<<10)
	setDefault(&l.RequestTimeout, 15*time.Second)
	setDefault(&l.CancelWait, 8*time.Second)
	setDefault(&l.ReportWait, 5*time.Second)
	setDefault(&l.SettleWait, 10*time.Second)
	l.SettleWait = min(l.SettleWait, l.RequestTimeout*2/3).Truncate(time.Second)
	setDefault(&l.HistoryWait, 500*time.Millisecond)
	setDefault(&l.RequestsMax, 512)
	setDefault(&l.StreamsMax, 256)
	setDefault(&l.StreamKeepAlive, 15*time.Second)
	return l
}

func setDefault[T int | int64 | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// API is the platform's HTTP handler. It is safe for concurrent use.
type API struct {
	sagas     Sagas
	warehouse Warehouse
	orders    Orders
	views     Views
	vault     Vault
	history   History
	stripe    *StripeWebhook // nil without the route

	keys       []APIKey
	limits     Limits
	log        *slog.Logger
	metrics    *metrics
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	readiness  *readiness
	slots      chan struct{}
	waits      chan struct{} // of those whose clients wait for a placed order
	changes    Changes       // nil without
	streams    chan struct{}
	drained    chan struct{}
	drainOnce  sync.Once
	now        func() time.Time
	engine     *gin.Engine
}

// New returns the API. It panics when a required option is missing, or when two APIs share a
// registerer: both are mistakes of the program.
func New(o Options) *API {
	switch {
	case o.Sagas == nil, o.Warehouse == nil, o.Orders == nil, o.Views == nil, o.Vault == nil, o.History == nil:
		panic("api: Options lacks one of Sagas, Warehouse, Orders, Views, Vault and History")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.TracerProvider == nil {
		o.TracerProvider = noop.NewTracerProvider()
	}
	if o.Propagator == nil {
		o.Propagator = propagation.TraceContext{}
	}
	limits := o.Limits.withDefaults()
	a := &API{
		sagas: o.Sagas, warehouse: o.Warehouse, orders: o.Orders, views: o.Views, vault: o.Vault, history: o.History,
		stripe: o.Stripe, changes: o.Changes,
		keys: o.APIKeys, limits: limits, log: o.Logger, metrics: newMetrics(o.Registerer),
		tracer: o.TracerProvider.Tracer("github.com/orderloom/orderloom/api"), propagator: o.Propagator,
		readiness: newReadiness(o.Checks, o.Logger), slots: make(chan struct{}, limits.RequestsMax), waits: make(chan struct{}, limits.RequestsMax/2),
		streams: make(chan struct{}, limits.StreamsMax), drained: make(chan struct{}), now: time.Now,
	}
	if len(a.keys) == 0 {
		a.log.Warn("the API is open: anyone who reaches it may place and cancel orders; set ORDERLOOM_API_KEYS to close it")
	}
	a.engine = a.routes(o.Metrics)
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// Drain makes GET /ready answer 503 from now on, so that no new requests are sent here, and ends all
// streams, which would otherwise keep the server from shutting down. It may be called more than once.
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

// route is one verb on one resource.
type route struct {
	method, path string
	// open routes need no API key.
	open bool
	// unbounded routes have no time limit and take no slot.
	unbounded bool
	// endless routes stay out of the histogram of durations.
	endless bool
	handle  handler
}

func (a *API) table() []route {
	return []route{
		{method: "POST", path: "/api/v1/orders", handle: a.placeOrder},
		{method: "GET", path: "/api/v1/orders", handle: a.listOrders},
		{method: "GET", path: "/api/v1/orders/:order_id", handle: a.getOrder},
		{method: "POST", path: "/api/v1/orders/:order_id/cancel", handle: a.cancelOrder},
		{method: "POST", path: "/api/v1/orders/:order_id/lines/cancel", handle: a.cancelLines},
		{method: "POST", path: "/api/v1/orders/:order_id/amend", handle: a.amendOrder},
		{method: "POST", path: "/api/v1/orders/:order_id/approve", handle: a.approveOrder},
		{method: "POST", path: "/api/v1/orders/:order_id/reject", handle: a.rejectOrder},
		{method: "POST", path: "/api/v1/orders/:order_id/returns", handle: a.returnGoods},
		{method: "POST", path: "/api/v1/orders/:order_id/refunds", handle: a.refundPayment},
		{method: "GET", path: "/api/v1/orders/:order_id/events", handle: a.getTimeline},
		{method: "POST", path: "/api/v1/orders/:order_id/shipments/:shipment_id/dispatch", handle: a.dispatchShipment},
		{method: "POST", path: "/api/v1/orders/:order_id/shipments/:shipment_id/deliver", handle: a.deliverShipment},
		{method: "POST", path: "/api/v1/orders/:order_id/shipments/:shipment_id/lost", handle: a.loseShipment},
		{method: "POST", path: "/api/v1/orders/:order_id/shipments/:shipment_id/refused", handle: a.refuseShipment},
		{method: "POST", path: "/api/v1/stock/receipts", handle: a.receiveStock},
		{method: "POST", path: "/api/v1/stock/adjustments", handle: a.adjustStock},
		{method: "GET", path: "/api/v1/stock/:sku", handle: a.getStock},
		{method: "GET", path: "/api/v1/customers/:customer_id/summary", handle: a.getCustomer},
		{method: "GET", path: "/api/v1/projections", handle: a.getProjections},
		{method: "GET", path: "/health", open: true, unbounded: true, handle: a.getHealth},
		{method: "GET", path: "/ready", open: true, unbounded: true, handle: a.getReady},
		{method: "GET", path: "/openapi.yaml", open: true, handle: a.getSpec},
		{method: "GET", path: "/docs", open: true, handle: a.getDocs},
		{method: "GET", path: "/problems/:code", open: true, handle: a.getProblem},
	}
}

func (a *API) routes(metrics http.Handler) *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // without it gin prints every route
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	// An id of another system may hold a slash, which then comes as %2F.
	e.UseRawPath, e.UnescapePathValues = true, true
	table := a.table()
	if metrics != nil {
		table = append(table, route{method: "GET", path: "/metrics", open: true, unbounded: true, handle: serve(metrics)})
	}
	if a.changes != nil {
		table = append(table, route{method: "GET", path: "/api/v1/orders/stream", unbounded: true, endless: true, handle: a.streamOrders})
	}
	if a.stripe != nil {
		table = append(table, route{method: "POST", path: "/webhooks/stripe", open: true, handle: a.stripeWebhook})
	}
	for _, r := range table {
		e.Handle(r.method, r.path, a.observe(r))
	}
	e.NoRoute(a.observe(route{path: "unknown", open: true, handle: func(context.Context, *exchange) error {
		return newProblem(codeRouteNotFound, "no route has this path; see /docs")
	}}))
	e.NoMethod(a.observe(route{path: "unknown", open: true, handle: func(_ context.Context, x *exchange) error {
		return newProblem(codeMethodNotAllowed, "this path is served for "+x.Writer.Header().Get("Allow"))
	}}))
	return e
}

// serve answers with a handler of the standard library's kind.
func serve(h http.Handler) handler {
	return func(ctx context.Context, x *exchange) error {
		h.ServeHTTP(x.Writer, x.Request.WithContext(ctx))
		return nil
	}
}
