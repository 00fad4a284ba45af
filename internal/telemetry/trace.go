package telemetry

import (
	"context"
	"fmt"
	"os"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func newTracerProvider(ctx context.Context, cfg config.Telemetry, role string, r prometheus.Registerer) (*sdktrace.TracerProvider, error) {
	headers := make(map[string]string, len(cfg.OTLPHeaders))
	for name, value := range cfg.OTLPHeaders {
		headers[name] = string(value)
	}
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(cfg.OTLPEndpoint+"/v1/traces"),
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
	)
	if err != nil {
		return nil, fmt.Errorf("make the exporter: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	res, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", cfg.ServiceName+"-"+role),
		attribute.String("service.namespace", cfg.ServiceName),
		attribute.String("service.version", Version()),
		attribute.String("service.instance.id", fmt.Sprintf("%s-%d", host, os.Getpid())),
	))
	if err != nil {
		return nil, fmt.Errorf("describe the service: %w", err)
	}
	// The sampler is given here, so OTEL_TRACES_SAMPLER has no say: one setting, one name.
	counted, ended := countSent(exporter, r)
	return sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(ended),
		sdktrace.WithBatcher(counted),
		sdktrace.WithResource(res),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.TraceRatio))),
	), nil
}

// traceParent is the header, and the key in a carrier, of the W3C trace context
// (https://www.w3.org/TR/trace-context/#traceparent-header).
const traceParent = "traceparent"

// TraceParent returns the trace context of ctx in its W3C text form,
// 00-<trace id>-<span id>-<flags>, for an event's metadata. It is empty outside of a trace.
func TraceParent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceParent]
}

// WithTraceParent returns ctx within the trace that text tells of, as [TraceParent] wrote it, so
// that a span started in it continues that trace. Empty or malformed text changes nothing.
func WithTraceParent(ctx context.Context, text string) context.Context {
	if text == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceParent: text})
}

// QueryTracer makes a span of each query, for pgx.ConnConfig.Tracer; nil, which is free, while tracing is
// off. A query outside of a trace begins none, and the arguments of queries are not recorded.
func (t *Telemetry) QueryTracer() pgx.QueryTracer {
	if !t.tracing {
		return nil
	}
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.TracerProvider), otelpgx.WithDisableConnectionDetailsInAttributes())
}
