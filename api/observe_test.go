package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestUnknownRoutesAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/", "/api/v1", "/api/v1/orders/", "/api/v2/orders", "/api/v1/orders/x/y", "//api/v1/orders", "/problems/"} {
		t.Run(path, func(t *testing.T) { b.get(t, path).problem(t, http.StatusNotFound, codeRouteNotFound) })
	}
	for method, path := range map[string]string{"DELETE": ordersPath, "PUT": orderPath(""), "GET": orderPath("/cancel"), "POST": "/health", "FROB": ordersPath} {
		t.Run(method, func(t *testing.T) {
			a := b.do(t, method, path, "")
			a.problem(t, http.StatusMethodNotAllowed, codeMethodNotAllowed)
			require.NotEmpty(t, a.header.Get("Allow"))
		})
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, "abc-1.2:3", b.get(t, "/health", "X-Request-Id", "abc-1.2:3").header.Get("X-Request-Id"))
	for _, bad := range []string{"", strings.Repeat("x", 129), "a b", "a\"b", "ü", "<script>"} {
		t.Run(domain.Clip(bad), func(t *testing.T) {
			id := b.get(t, "/health", "X-Request-Id", bad).header.Get("X-Request-Id")
			_, err := uuid.Parse(id)
			require.NoError(t, err, "it became %q", id)
		})
	}
}

func TestMetricsAreByTemplate(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	b := setup(t, func(o *Options) { o.Registerer = registry })
	b.get(t, orderPath(""))
	b.get(t, "/no/such/route/17")
	b.do(t, "FROB", ordersPath, "")
	families, err := registry.Gather()
	require.NoError(t, err)
	var labels []string
	for _, f := range families {
		for _, m := range f.Metric {
			var l []string
			for _, p := range m.Label {
				l = append(l, p.GetName()+"="+p.GetValue())
			}
			if len(l) > 0 {
				labels = append(labels, strings.Join(l, " "))
			}
		}
	}
	require.ElementsMatch(t, []string{
		"code=404 method=GET route=/api/v1/orders/{order_id}", "code=404 method=GET route=unknown", "code=405 method=other route=unknown",
	}, labels)
}

func TestOneSpanPerRequest(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	b := setup(t, func(o *Options) { o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)) })
	b.post(t, ordersPath, goodOrder, "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	spans := recorder.Ended()
	require.Len(t, spans, 1)
	require.Equal(t, "POST /api/v1/orders", spans[0].Name())
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", spans[0].SpanContext().TraceID().String())
	require.Equal(t, "00f067aa0ba902b7", spans[0].Parent().SpanID().String())
	for _, attribute := range spans[0].Attributes() {
		require.NotContains(t, attribute.Value.String(), "cust-1")
	}
	require.Contains(t, b.log.String(), `"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`)
}

// panicking is a read model that falls over.
type panicking struct{ *fakePlatform }

func (panicking) Order(context.Context, uuid.UUID) (readmodel.Shown, error) {
	panic("secret of the stack")
}

func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Orders = panicking{o.Orders.(*fakePlatform)} })
	a := b.get(t, orderPath(""))
	p := a.problem(t, http.StatusInternalServerError, codeInternal)
	require.NotContains(t, a.body, "secret")
	require.Contains(t, b.log.String(), "secret of the stack")
	require.Contains(t, b.log.String(), p.RequestID)
}

// slow is a read model that answers when it is told to.
type slow struct {
	*fakePlatform
	asked, answer chan struct{}
}

func (s slow) Order(ctx context.Context, id uuid.UUID) (readmodel.Shown, error) {
	s.asked <- struct{}{}
	select {
	case <-s.answer:
		return s.fakePlatform.Order(ctx, id)
	case <-ctx.Done():
		return readmodel.Shown{}, ctx.Err()
	}
}

func TestTooManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	s := slow{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	b := setup(t, func(o *Options) {
		s.fakePlatform = o.Orders.(*fakePlatform)
		o.Orders, o.Limits.RequestsMax = s, 1
	})
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	done := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		b.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, orderPath(""), nil))
		done <- w.Code
	}()
	<-s.asked
	b.get(t, orderPath("")).problem(t, http.StatusServiceUnavailable, codeOverloaded)
	require.Equal(t, http.StatusOK, b.get(t, "/health").status, "who asks for health is not turned away")
	close(s.answer)
	require.Equal(t, http.StatusOK, <-done)
}

func TestRequestThatTakesTooLong(t *testing.T) {
	t.Parallel()
	s := slow{asked: make(chan struct{}, 1)}
	b := setup(t, func(o *Options) {
		s.fakePlatform = o.Orders.(*fakePlatform)
		o.Orders, o.Limits.RequestTimeout = s, time.Millisecond
	})
	b.get(t, orderPath("")).problem(t, http.StatusServiceUnavailable, codeTimeout)
}

func TestMetricsRoute(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = w.Write([]byte("up 1\n"))
		})
	})
	require.Equal(t, "up 1\n", b.get(t, "/metrics").body)
}

func TestACallerThatAsksTooOftenIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Rate = httpx.Rate{PerSecond: 1, Burst: 2} })
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	first := b.get(t, orderPath(""))
	require.Equal(t, http.StatusOK, first.status)
	require.Equal(t, `"caller";q=2;w=2`, first.header.Get("RateLimit-Policy"))
	require.Equal(t, `"caller";r=1;t=1`, first.header.Get("RateLimit"))
	require.Equal(t, http.StatusOK, b.get(t, orderPath("")).status)
	refused := b.get(t, orderPath(""))
	refused.problem(t, http.StatusTooManyRequests, httpx.KindRateLimited.Code)
	require.Equal(t, "1", refused.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, b.get(t, "/health").status, "who asks for health is not turned away")
}

// Fails where a request holds a slot while its body is on its way.
func TestASlowBodyTakesNothingFromOthers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.RequestsMax = 1 })
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	body, sender := io.Pipe()
	done := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, ordersPath, body)
		r.Header.Set("Content-Type", "application/json")
		b.api.ServeHTTP(w, r)
		done <- w.Code
	}()
	_, err := sender.Write([]byte(goodOrder[:10])) // it is being read
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, b.get(t, orderPath("")).status)
	_, err = sender.Write([]byte(goodOrder[10:]))
	require.NoError(t, err)
	require.NoError(t, sender.Close())
	require.Equal(t, http.StatusCreated, <-done)
}
