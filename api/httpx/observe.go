package api

import (
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
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.34.0"
	"go.opentelemetry.io/otel/trace"
)

// requestIDMax bounds an X-Request-Id that is taken over from the caller.
const requestIDMax = 128

// metrics are the API's instruments. Routes are templates, never paths, so that no id is a label.
type metrics struct {
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderloom_http_request_duration_seconds",
			Help:    "Time from a request's first line to the end of its answer, by route template, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "method", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_http_requests_in_flight", Help: "Requests that are being worked on.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_http_streams", Help: "Clients that follow the changes of orders.",
		}),
	}
	if r != nil {
		r.MustRegister(m.duration, m.inFlight, m.streams)
	}
	return m
}

// observe wraps a route's handler with all that every request has: an id, a trace, a caller, limits,
// and, whatever happens, an answer, a metric and a line in the log.
//
// It is one function of ours, because a chain of middlewares costs each request a dozen
// allocations, most of them for span attributes that nobody asked for.
func (a *API) observe(r route) gin.HandlerFunc {
	spanName := r.method + " " + r.path
	template := openAPIPath(r.path)
	spanOptions := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	return func(c *gin.Context) {
		start := a.now()
		x := newExchange(a, c)
		defer x.release()
		x.requestID = requestID(c.Request.Header)
		c.Writer.Header()["X-Request-Id"] = []string{x.requestID}
		a.metrics.inFlight.Inc()
		defer a.metrics.inFlight.Dec()

		ctx := a.propagator.Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header))
		ctx, span := a.tracer.Start(ctx, spanName, spanOptions...)
		defer span.End()
		if !r.unbounded {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, a.limits.RequestTimeout)
			defer cancel()
		}
		if err := a.attempt(ctx, x, r); err != nil {
			p := asProblem(err)
			x.cause = p.cause
			if !c.Writer.Written() {
				p.write(x)
			}
		}
		c.Writer.WriteHeaderNow()
		took := a.now().Sub(start)
		if !r.endless || c.Writer.Status() != http.StatusOK {
			a.metrics.duration.WithLabelValues(template, methodOf(r, c.Request), statusText(c.Writer.Status())).Observe(took.Seconds())
		}
		a.report(ctx, x, span, methodOf(r, c.Request), template, took)
	}
}

// attempt runs the handler within the limits, and makes an error of a panic.
func (a *API) attempt(ctx context.Context, x *exchange, r route) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if !r.open {
		if x.caller, err = a.authenticate(x.Request.Header); err != nil {
			return err
		}
	}
	if !r.unbounded {
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
		default:
			return newProblem(codeOverloaded, "")
		}
	}
	return r.handle(ctx, x)
}

// methodOf is the route's method, or the request's where the route is for all.
func methodOf(r route, request *http.Request) string {
	if r.method != "" {
		return r.method
	}
	return knownMethod(request.Method)
}

// report tells span and log how the request ended. None of them gets the path, the query or
// the body: they may hold what is personal.
func (a *API) report(ctx context.Context, x *exchange, span trace.Span, method, template string, took time.Duration) {
	status := x.Writer.Status()
	if span.IsRecording() {
		span.SetAttributes(
			semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(template), semconv.HTTPResponseStatusCode(status),
			attribute.String("orderloom.request_id", x.requestID),
		)
		if x.orderID != (uuid.UUID{}) {
			span.SetAttributes(attribute.String("orderloom.order_id", x.orderID.String()))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case template == "/health" || template == "/ready" || template == "/metrics":
		level = slog.LevelDebug
	}
	if !a.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("method", method), slog.String("route", template), slog.Int("status", status),
		slog.Float64("took_seconds", took.Seconds()), slog.String("request_id", x.requestID))
	if x.caller != "" {
		attrs = append(attrs, slog.String("caller", x.caller))
	}
	if x.orderID != (uuid.UUID{}) {
		attrs = append(attrs, slog.String("order_id", x.orderID.String()))
	}
	if sc := span.SpanContext(); sc.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", sc.TraceID().String()))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
		if errors.Is(x.Request.Context().Err(), context.Canceled) {
			attrs = append(attrs, slog.Bool("client_gone", true))
		}
	}
	a.log.LogAttrs(ctx, level, "request", attrs...)
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

// openAPIPath turns gin's template of a path into OpenAPI's: /orders/:order_id into /orders/{order_id}.
func openAPIPath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
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
