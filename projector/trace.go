package projector

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/internal/telemetry/origin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// traceEvents ends the trace of each event with a span for the time of the batch, which is linked. So one trace runs
// from the request to the view, although many requests share a batch. It does nothing while tracing is off or the batch
// is not sampled.
func (p *Projector) traceEvents(ctx context.Context, batch trace.Span, begun time.Time, events []Incoming) {
	if !batch.IsRecording() {
		return
	}
	link := trace.Link{SpanContext: batch.SpanContext()}
	for _, in := range events {
		own, ok := origin.Of(ctx, in.Event.Metadata.TraceParent)
		if !ok || !trace.SpanContextFromContext(own).IsSampled() {
			continue
		}
		_, span := p.tracer.Start(own, "project "+in.Event.EventType, trace.WithTimestamp(begun), trace.WithLinks(link),
			trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
				attribute.String("orderloom.event_id", in.Event.EventID.String()),
				attribute.String("orderloom.aggregate_id", in.Event.AggregateID.String()),
				attribute.Int64("orderloom.version", in.Event.Version),
			))
		span.End()
	}
}
