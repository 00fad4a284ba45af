package httpx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.34.0"
	"go.opentelemetry.io/otel/trace"
)

// requestIDMax bounds an X-Request-Id that is taken over from the caller.
const requestIDMax = 128

// metrics are the instruments of a router. Routes are templates, never paths, so that no id is a label.
type metrics struct {
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderloom_http_request_duration_seconds",
			Help:    "Time from a request's first line to the end of its answer, by route template, method and status. A wait that the caller asked for is left out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "method", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_http_requests_in_flight", Help: "Requests that are being worked on.",
		}),
	}
	if r != nil {
		r.MustRegister(m.duration, m.inFlight)
	}
	return m
}

// observe wraps a route's handler with all that every request has: an id, a trace, a caller, limits, and a check
// against the document. Whatever happens, there is an answer, a metric and a line in the log.
//
// It is one function of ours, because a chain of middlewares costs each request a dozen allocations. Most of
// them would be for span attributes that nobody asked for.
func (r *Router) observe(route Route, o *operation) gin.HandlerFunc {
	spanName := route.Method + " " + route.Path
	spanOptions := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	return func(c *gin.Context) {
		start := time.Now()
		x := newExchange(r, o, c)
		defer x.release()
		x.RequestID = requestID(c.Request.Header)
		c.Writer.Header()["X-Request-Id"] = []string{x.RequestID}
		for name, value := range secure {
			c.Writer.Header()[name] = value
		}
		if r.versions != nil {
			x.setVersion(r.newest)
		}
		r.metrics.inFlight.Inc()
		defer r.metrics.inFlight.Dec()

		ctx := r.propagator.Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header))
		ctx, span := r.tracer.Start(ctx, spanName, spanOptions...)
		defer span.End()
		if !route.Unbounded {
			var cancel context.CancelFunc
			ctx, cancel = withTimeout(ctx, r.limits.RequestTimeout)
			defer cancel()
		}
		if err := r.attempt(ctx, x, route); err != nil {
			p := r.asProblem(err)
			x.cause = p.cause
			switch {
			case c.Writer.Written():
			case p.Status >= http.StatusInternalServerError && clientGone(c.Request):
				c.Status(statusClientGone)
			default:
				x.leaveBody()
				p.write(x)
			}
		}
		r.tellAuditor(ctx, x, route, c.Writer.Status())
		c.Writer.WriteHeaderNow()
		took := time.Since(start)
		if !route.Endless || c.Writer.Status() != http.StatusOK {
			r.metrics.duration.WithLabelValues(route.Path, methodOf(route, c.Request), statusText(c.Writer.Status())).Observe((took - x.waited).Seconds())
		}
		r.report(ctx, x, span, route, took)
	}
}

// secure are headers of every answer. They keep a browser from taking it for something else, and from running or
// framing it. It tells no other site where it came from. The page at /docs has a policy of its own.
var secure = map[string][]string{
	"X-Content-Type-Options":  {"nosniff"},
	"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	"Referrer-Policy":         {"no-referrer"},
}

// statusClientGone is what log and metric call a request whose client has hung up before there was an answer. It is no
// status of HTTP, and nobody receives it. Other servers, such as nginx, use it for the same.
const statusClientGone = 499

func clientGone(r *http.Request) bool { return errors.Is(r.Context().Err(), context.Canceled) }

// attempt runs the handler within the limits, and makes an error of a panic.
func (r *Router) attempt(ctx context.Context, x *Exchange, route Route) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if !route.Open {
		if err := r.admit(ctx, x); err != nil {
			if !x.denied { // nobody can tell who it is, and strangers have a rate
				err = cmp.Or(x.limitRate(time.Now(), route), err)
			}
			return err
		}
		if route.Method == http.MethodPost && x.Caller != access.Anyone {
			ctx = actor.With(ctx, x.Caller.Actor())
		}
		if err := x.chooseVersion(); err != nil {
			return err
		}
	}
	if err := x.limitRate(time.Now(), route); err != nil {
		return err
	}
	x.reads = route.Reads
	defer x.finish()
	if !route.Unbounded && x.operation.body == nil { // else once the body is there
		if err := x.begin(); err != nil {
			return err
		}
		if !route.Open && !route.Quiet { // those ask nothing, and write their answer by themselves
			if err := x.takeTurn(ctx); err != nil {
				return err
			}
		}
	}
	if route.Method != "" {
		x.readParameters(route.Open)
		x.readFields()
	}
	if route.Check != nil {
		route.Check(x)
	}
	if x.operation.body == nil {
		if err := x.Invalid(); err != nil {
			return err
		}
	}
	if err := r.record(ctx, x, route); err != nil {
		return err
	}
	return route.Handle(ctx, x)
}

// methodOf is the route's method, or the request's where the route is for all.
func methodOf(route Route, request *http.Request) string {
	if route.Method != "" {
		return route.Method
	}
	return knownMethod(request.Method)
}

// report tells span and log how the request ended. None of them gets the path, the query or the body: they may
// hold what is personal.
func (r *Router) report(ctx context.Context, x *Exchange, span trace.Span, route Route, took time.Duration) {
	status, method := x.Writer.Status(), methodOf(route, x.Request)
	if span.IsRecording() {
		x.describe(span, method, route.Path)
	}
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case route.Quiet, status < http.StatusBadRequest && (method == http.MethodGet || method == http.MethodHead):
		level = slog.LevelDebug // reads that succeed are most of all requests, and change nothing
	}
	if !r.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("method", method), slog.String("route", route.Path), slog.Int("status", status),
		slog.Float64("took_seconds", took.Seconds()), slog.String("request_id", x.RequestID))
	if x.Caller != nil && x.Caller != access.Anyone {
		attrs = append(attrs, slog.String("account", x.Caller.Account), slog.String("caller", string(x.Caller.Actor())))
	}
	if x.subject != (uuid.UUID{}) {
		attrs = append(attrs, slog.String(x.subjectName, x.subject.String()))
	}
	if sc := span.SpanContext(); sc.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", sc.TraceID().String()))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
		if clientGone(x.Request) {
			attrs = append(attrs, slog.Bool("client_gone", true))
		}
	}
	r.log.LogAttrs(ctx, level, "request", attrs...)
}

// describe gives the span its attributes.
func (x *Exchange) describe(span trace.Span, method, path string) {
	status := x.Writer.Status()
	span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(path), semconv.HTTPResponseStatusCode(status),
		attribute.String("orderloom.request_id", x.RequestID),
	)
	if x.subject != (uuid.UUID{}) {
		span.SetAttributes(attribute.String("orderloom."+x.subjectName, x.subject.String()))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
}

// requestID takes over the caller's X-Request-Id when it is short and plain, and makes one otherwise.
func requestID(h http.Header) string {
	id := h.Get("X-Request-Id")
	if id == "" || len(id) > requestIDMax {
		return uuid.NewString()
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~:/+=", c) >= 0:
		default:
			return uuid.NewString()
		}
	}
	return id
}

// knownMethod keeps a stranger's words out of the labels.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

func statusText(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusCreated:
		return "201"
	case http.StatusAccepted:
		return "202"
	}
	return strconv.Itoa(status)
}
