package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// countSent returns an exporter that counts what it sends, and a processor that counts what there is to send. What has
// ended and was not sent waits, or was dropped because too many wait already.
func countSent(e sdktrace.SpanExporter, r prometheus.Registerer) (sdktrace.SpanExporter, sdktrace.SpanProcessor) {
	ended := prometheus.NewCounter(prometheus.CounterOpts{Name: "orderloom_trace_spans_ended_total", Help: "Spans that have ended and are to be sent."})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "orderloom_trace_spans_sent_total", Help: "Spans that were sent to the collector, by outcome: ok or failed.",
	}, []string{"outcome"})
	for _, outcome := range []string{"ok", "failed"} {
		sent.WithLabelValues(outcome)
	}
	r.MustRegister(ended, sent)
	return countedExporter{e, sent}, endedSpans{ended}
}

type countedExporter struct {
	sdktrace.SpanExporter

	sent *prometheus.CounterVec
}

// ExportSpans implements [sdktrace.SpanExporter].
func (c countedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	c.sent.WithLabelValues(outcome).Add(float64(len(spans)))
	return err
}

type endedSpans struct{ count prometheus.Counter }

// OnStart implements [sdktrace.SpanProcessor].
func (endedSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements [sdktrace.SpanProcessor].
func (e endedSpans) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		e.count.Inc()
	}
}

// ForceFlush implements [sdktrace.SpanProcessor].
func (endedSpans) ForceFlush(context.Context) error { return nil }

// Shutdown implements [sdktrace.SpanProcessor].
func (endedSpans) Shutdown(context.Context) error { return nil }
