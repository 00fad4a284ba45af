package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Telemetry is what a process tells of itself. Use [Setup] to make one.
type Telemetry struct {
	Logger         *slog.Logger
	Registry       *prometheus.Registry
	TracerProvider trace.TracerProvider

	tracing  bool
	temporal *temporalMetrics
	shutdown func(context.Context) error
}

// Setup makes the telemetry of a process that runs as role, such as "worker". It registers its tracer provider and
// W3C trace context as OpenTelemetry's global ones. Logs go to standard error.
//
// It makes no connection: a collector that is away costs spans, and nothing else.
func Setup(ctx context.Context, cfg config.Telemetry, role string) (*Telemetry, error) {
	t := &Telemetry{
		Logger:         NewLogger(os.Stderr, cfg).With("role", role),
		Registry:       prometheus.NewRegistry(),
		TracerProvider: noop.NewTracerProvider(),
		temporal:       newTemporalMetrics(),
		shutdown:       func(context.Context) error { return nil },
	}
	t.Registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(role),
		t.temporal,
	)
	var complaint backoff.Complaint
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if complaint.Due(err) {
			t.Logger.WarnContext(ctx, "telemetry failed", "error", err)
		}
	}))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	if cfg.OTLPEndpoint != "" {
		provider, err := newTracerProvider(ctx, cfg, role, t.Registry)
		if err != nil {
			return nil, fmt.Errorf("set up tracing to %s: %w", cfg.OTLPEndpoint, err)
		}
		t.TracerProvider, t.tracing, t.shutdown = provider, true, provider.Shutdown
	}
	otel.SetTracerProvider(t.TracerProvider)
	return t, nil
}

// Tracing reports whether spans are exported.
func (t *Telemetry) Tracing() bool { return t.tracing }

// MetricsHandler serves the registry to Prometheus: the /metrics of every role.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.Registry, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(t.Logger.Handler(), slog.LevelWarn),
		ErrorHandling:     promhttp.ContinueOnError,
		Registry:          t.Registry,
		EnableOpenMetrics: true,
	})
}

// Shutdown exports the spans that are still held. Call it last, and once.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if err := t.shutdown(ctx); err != nil {
		return fmt.Errorf("export the last spans: %w", err)
	}
	return nil
}

// buildInfo is a metric that is always 1 and tells by its labels what runs.
func buildInfo(role string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "orderloom_build_info", Help: "What runs: always 1.",
		ConstLabels: prometheus.Labels{"version": Version(), "go_version": runtime.Version(), "role": role},
	})
	g.Set(1)
	return g
}

// Version is the module version or the commit that the program was built from, "devel" if neither is
// known.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}
