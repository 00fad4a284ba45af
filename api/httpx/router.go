package httpx

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/version"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Route is one method on one path.
type Route struct {
	// Method and Path name an operation of the document, such as "GET" and "/api/v1/orders/{order_id}".
	Method, Path string
	// Open routes need no credential, and take any parameters in their query.
	Open bool
	// Unbounded routes have no time limit and take no slot.
	Unbounded bool
	// Endless routes stay out of the histogram of durations while they succeed.
	Endless bool
	// Audited routes are recorded before they are carried out. What can't be recorded is refused.
	Audited bool
	// Quiet routes are logged at the level of debug while they succeed. Those that are open as well have no rate.
	Quiet bool
	// Cost is how many requests of the caller's rate one of these counts as; 0 is 1.
	Cost int
	// Places tells that the route places orders, which have a rate of their own.
	Places bool
	// Reads tells that a route with a body asks the database, as all without a body do.
	Reads bool
	// Check blames what no schema can express about the parameters; nil for nothing. It sees them whether or not they
	// are what the document wants.
	Check  func(x *Exchange)
	Handle Handler
	// Stream answers requests that want a stream of events (Accept: text/event-stream) instead of Handle. Such a
	// request is unbounded and endless. Nil for a route that has none.
	Stream Handler
	// Export lets the route of a list answer with all of it, as a table or in lines. Accept says which: text/csv or
	// application/x-ndjson.
	Export bool
}

// Limits bounds what one request, and all of them together, may cost. All of them are required.
type Limits struct {
	// BodyBytesMax bounds a request's body.
	BodyBytesMax int64
	// RequestTimeout bounds the work on a request.
	RequestTimeout time.Duration
	// RequestsMax bounds how many requests are worked on at once. More are refused with 503. A caller has at most half
	// of them, and more of one caller are refused with 429.
	RequestsMax int
}

// Options is what a router is made of. Contract, Limits and Logger are required.
type Options struct {
	Contract *Contract
	Limits   Limits
	Logger   *slog.Logger
	// Rate bounds how many requests a caller makes, and the zero value none. Lender makes it hold over all processes;
	// with nil, it holds in each.
	Rate   Rate
	Lender Lender
	// OrderRate bounds how many of a caller's requests place orders, besides.
	OrderRate Rate
	// Authenticator tells who calls. Nil opens the API to everyone, which is for development.
	Authenticator Authenticator
	// Versions are those of the API, and nil for an API without any.
	Versions *version.History
	// Auditor records audited routes, and counts what is denied; nil does neither.
	Auditor Auditor
	// Proxies are the networks of proxies whose X-Forwarded-For is believed; none believes nobody.
	Proxies []netip.Prefix
	// Drained is closed once the process is about to end: exports break off then. Nil is never.
	Drained <-chan struct{}
	// AsProblem says how an error is answered; nil is [AsProblem].
	AsProblem func(error) *Problem
	// Registerer takes the metrics; nil keeps them to the router.
	Registerer prometheus.Registerer
	// TracerProvider makes one span per request; nil makes none.
	TracerProvider trace.TracerProvider
	// Propagator reads the caller's trace context; nil is W3C's traceparent.
	Propagator propagation.TextMapPropagator
}

// Router is an HTTP handler for the operations of an OpenAPI document. It is safe for concurrent use once all
// routes are there.
type Router struct {
	contract      *Contract
	limits        Limits
	authenticator Authenticator
	auditor       Auditor // nil without
	failures      *access.Failures
	proxies       []netip.Prefix
	asProblem     func(error) *Problem
	log           *slog.Logger
	metrics       *metrics
	tracer        trace.Tracer
	propagator    propagation.TextMapPropagator
	// slots are the requests that are worked on, and bodies those whose body is still on its way.
	slots, bodies *Share
	// checks are the credentials that are looked up for callers who are not known, by their addresses.
	checks *Share
	// turns are for reads, and decodes for the checks of bodies. Those wait for nothing, also while the database is
	// away.
	turns, decodes *turns
	// large are the answers of more than largeAnswer bytes.
	large *Share
	// exports are the lists that are read as a whole.
	exports *Share
	drained <-chan struct{} // nil without
	buckets *buckets        // nil without a rate
	scarce  *buckets        // of routes that place orders; nil without a rate
	engine  *gin.Engine
	// fixed are the methods of paths without a parameter, as the header Allow has them. They are for these alone, also
	// where a path with a parameter would fit. Refusing answers all others of them.
	fixed    map[string][]string
	refusing *gin.Engine
	// versions is nil without any.
	versions       *version.History
	newest         version.Version
	versionHeaders map[version.Version][]string
}

// NewRouter returns a router without routes. It panics when a required option is missing, or when two routers
// share a registerer: both are mistakes of the program.
func NewRouter(o Options) *Router {
	if o.Contract == nil || o.Logger == nil || o.Limits.BodyBytesMax <= 0 || o.Limits.RequestTimeout <= 0 || o.Limits.RequestsMax <= 0 {
		panic("httpx: Options lacks a contract, a logger or a limit")
	}
	if o.AsProblem == nil {
		o.AsProblem = AsProblem
	}
	if o.TracerProvider == nil {
		o.TracerProvider = noop.NewTracerProvider()
	}
	if o.Propagator == nil {
		o.Propagator = propagation.TraceContext{}
	}
	r := &Router{
		contract: o.Contract, limits: o.Limits, authenticator: o.Authenticator, failures: access.NewFailures(), proxies: o.Proxies, auditor: o.Auditor,
		asProblem: o.AsProblem, log: o.Logger, metrics: newMetrics(o.Registerer),
		tracer: o.TracerProvider.Tracer("github.com/orderloom/orderloom/api/httpx"), propagator: o.Propagator,
		slots: NewShare(o.Limits.RequestsMax, o.Limits.RequestsMax/2), bodies: NewShare(bodiesFactor*o.Limits.RequestsMax, o.Limits.RequestsMax/2),
		checks: NewShare(o.Limits.RequestsMax, max(o.Limits.RequestsMax/checksPart, 1)),
		large:  NewShare(o.Limits.RequestsMax/2, max(o.Limits.RequestsMax/largePart, 1)),
		turns:  newReads(), decodes: newDecodes(),
		exports: NewShare(max(o.Limits.RequestsMax/exportsPart, 1), max(o.Limits.RequestsMax/exportsPart/4, 1)),
		drained: o.Drained,
		buckets: newBuckets(policyCaller, o.Rate, o.Lender), scarce: newBuckets(policyOrders, o.OrderRate, o.Lender),
		engine: newEngine(), fixed: map[string][]string{}, refusing: newEngine(),
		versions: o.Versions, versionHeaders: versionHeaders(o.Versions),
	}
	if o.Versions != nil {
		r.newest = o.Versions.Newest()
	}
	r.engine.NoRoute(r.observe(unknownRoute(func(context.Context, *Exchange) error {
		return NewProblem(KindRouteNotFound, "no route has this path; see /docs")
	}), &operation{}))
	noMethod := r.observe(unknownRoute(func(_ context.Context, x *Exchange) error {
		if x.Request.Method == http.MethodOptions {
			x.Writer.WriteHeader(http.StatusNoContent)
			return nil
		}
		return NewProblem(KindMethodNotAllowed, "this path is served for "+x.Writer.Header().Get("Allow"))
	}), &operation{})
	r.engine.NoMethod(noMethod)
	r.refusing.NoRoute(noMethod)
	return r
}

// checksPart is the part of all checks of credentials that are of one address at most.
const checksPart = 16

// exportsPart is the part of all requests that are exports at most. Each costs what a page does, one after the other.
const exportsPart = 8

// largePart is the part of all requests that are large answers to one caller at most.
const largePart = 16

// bodiesFactor is how many bodies may be on their way for each request that is worked on. A slow client costs its
// buffer alone, until the read timeout ends it.
const bodiesFactor = 2

func newEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // without it gin prints every route
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	// An id of another system may hold a slash, which then comes as %2F.
	e.UseRawPath, e.UnescapePathValues = true, true
	return e
}

// unknownRoute answers requests that no route is for, whatever their query is.
func unknownRoute(handle Handler) Route {
	return Route{Path: "unknown", Open: true, Handle: handle}
}

// Handle adds a route. HEAD is served with it wherever GET is and the answer has an end (RFC 9110, section 9.3.2). It
// panics when the document has no such operation, or names no scopes for one that is not open. Both are mistakes of the
// program.
func (r *Router) Handle(route Route) {
	o, ok := r.contract.operations[route.Method+" "+route.Path]
	if !ok {
		panic("httpx: the document has no " + route.Method + " " + route.Path)
	}
	if !route.Open && !o.scoped {
		panic("httpx: the document names no scopes for " + route.Method + " " + route.Path +
			`: add to the operation 'security: [{apiKey: ["orders:read"]}]', see docs/access.md`)
	}
	path := pathParameter.ReplaceAllString(route.Path, ":$1")
	r.engine.Handle(route.Method, path, r.either(route, o))
	methods := []string{route.Method}
	if route.Method == http.MethodGet && !route.Endless {
		route.Method = http.MethodHead
		r.engine.Handle(route.Method, path, r.observe(route, o))
		methods = append(methods, route.Method)
	}
	if path == route.Path {
		r.fixed[path] = append(r.fixed[path], methods...)
	}
}

// either lets a route answer as a stream where that is wanted.
func (r *Router) either(route Route, o *operation) gin.HandlerFunc {
	handle := r.observe(route, o)
	if route.Export {
		return r.eitherExport(route, o, handle)
	}
	if route.Stream == nil {
		return handle
	}
	route.Handle, route.Unbounded, route.Endless = route.Stream, true, true
	stream := r.observe(route, o)
	return func(c *gin.Context) {
		if wantsEvents(c.Request.Header) {
			stream(c)
			return
		}
		handle(c)
	}
}

// eitherExport lets the route of a list answer with all of it where that is wanted.
func (r *Router) eitherExport(route Route, o *operation, page gin.HandlerFunc) gin.HandlerFunc {
	route.Unbounded, route.Endless = true, true
	route.Handle = func(ctx context.Context, x *Exchange) error { return x.export(ctx, ExportMedia(x.Request.Header)) }
	export := r.observe(route, o)
	return func(c *gin.Context) {
		if ExportMedia(c.Request.Header) != "" {
			export(c)
			return
		}
		page(c)
	}
}

// wantsEvents reports whether a request names the media type of event streams as one that it takes.
func wantsEvents(h http.Header) bool {
	for _, line := range h["Accept"] {
		for taken := range strings.SplitSeq(line, ",") {
			media, _, _ := strings.Cut(taken, ";")
			if strings.EqualFold(strings.TrimSpace(media), "text/event-stream") {
				return true
			}
		}
	}
	return false
}

// pathParameter is a parameter in the path of an OpenAPI document.
var pathParameter = regexp.MustCompile(`\{([^}]*)\}`)

// ServeHTTP answers one request.
func (r *Router) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if methods, ok := r.fixed[request.URL.Path]; ok && !slices.Contains(methods, request.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		r.refusing.ServeHTTP(w, request)
		return
	}
	r.engine.ServeHTTP(w, request)
}

// Operations are the methods and paths that are served, in the document's words. It has no word for HEAD.
func (r *Router) Operations() []string {
	var names []string
	for _, route := range r.engine.Routes() {
		if route.Method == http.MethodHead {
			continue
		}
		path := route.Path
		for _, part := range strings.Split(path, "/") {
			if name, ok := strings.CutPrefix(part, ":"); ok {
				path = strings.Replace(path, part, "{"+name+"}", 1)
			}
		}
		names = append(names, route.Method+" "+path)
	}
	return names
}

// Serve makes a handler of one of the standard library's kind.
func Serve(h http.Handler) Handler {
	return func(ctx context.Context, x *Exchange) error {
		h.ServeHTTP(x.Writer, x.Request.WithContext(ctx))
		return nil
	}
}
