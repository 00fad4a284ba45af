package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// parent is the example of the W3C recommendation.
const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

var quiet = config.Telemetry{LogLevel: slog.LevelError, LogFormat: "json", ServiceName: "orderloom", TraceRatio: 1}

func TestTraceParentRoundTrip(t *testing.T) {
	t.Parallel()
	ctx := telemetry.WithTraceParent(context.Background(), parent)
	require.Equal(t, parent, telemetry.TraceParent(ctx))
	require.True(t, trace.SpanContextFromContext(ctx).IsRemote())
	require.Empty(t, telemetry.TraceParent(context.Background()))
}

func TestWithTraceParentIgnoresWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "00-0-0-0", "ff" + parent[2:], "00-00000000000000000000000000000000-b7ad6b7169203331-01"} {
		require.Empty(t, telemetry.TraceParent(telemetry.WithTraceParent(context.Background(), text)), text)
	}
}

func TestTracingIsOffWithoutEndpoint(t *testing.T) {
	tel, err := telemetry.Setup(context.Background(), quiet, "worker")
	require.NoError(t, err)
	require.False(t, tel.Tracing())
	if tel.QueryTracer() != nil { // require.Nil would take an interface with a nil pointer in it, which pgx would call
		t.Fatal("there is a query tracer")
	}
	interceptors, err := tel.TemporalInterceptors()
	require.NoError(t, err)
	require.Empty(t, interceptors)
	require.IsType(t, noop.TracerProvider{}, tel.TracerProvider)
	require.NoError(t, tel.Shutdown(context.Background()))

	_, span := tel.TracerProvider.Tracer("test").Start(context.Background(), "nothing")
	require.False(t, span.IsRecording())
}

func TestSpansAreExported(t *testing.T) {
	type export struct {
		path, authorization string
		bytes               int
	}
	exports := make(chan export, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		exports <- export{r.URL.Path, r.Header.Get("Authorization"), len(b)}
	}))
	defer collector.Close()
	cfg := quiet
	cfg.OTLPEndpoint = collector.URL
	cfg.OTLPHeaders = map[string]config.Secret{"authorization": "Bearer x"}
	tel, err := telemetry.Setup(context.Background(), cfg, "worker")
	require.NoError(t, err)
	require.True(t, tel.Tracing())
	require.NotNil(t, tel.QueryTracer())
	interceptors, err := tel.TemporalInterceptors()
	require.NoError(t, err)
	require.Len(t, interceptors, 1)

	ctx, span := tel.TracerProvider.Tracer("test").Start(telemetry.WithTraceParent(context.Background(), parent), "project")
	require.Contains(t, telemetry.TraceParent(ctx), "0af7651916cd43dd8448eb211c80319c", "the trace goes on")
	require.NotContains(t, telemetry.TraceParent(ctx), "b7ad6b7169203331", "in a span of its own")
	span.End()
	stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, tel.Shutdown(stop))
	got := <-exports
	require.Equal(t, "/v1/traces", got.path)
	require.Equal(t, "Bearer x", got.authorization)
	require.Positive(t, got.bytes)
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	require.Contains(t, w.Body.String(), "\norderloom_trace_spans_ended_total 1\n")
	require.Contains(t, w.Body.String(), "\norderloom_trace_spans_sent_total{outcome=\"ok\"} 1\n")
}
