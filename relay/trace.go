package relay

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/telemetry/origin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// traceLinksMax bounds the traces that the span of a page is linked to.
const traceLinksMax = 32

// tracedBatch is the span of a page that is published, which belongs to no single trace.
type tracedBatch struct {
	tracer trace.Tracer
	span   trace.Span
	begun  time.Time
}

// traceBatch begins the span of a page. It is a trace of its own, linked to those of the steps that caused the events.
// It costs nothing while tracing is off.
func (r *Relay) traceBatch(ctx context.Context, events []domain.Envelope) (context.Context, tracedBatch) {
	var links []trace.Link
	for i := range events[:min(len(events), traceLinksMax)] {
		if own, ok := origin.Of(ctx, events[i].Metadata.TraceParent); ok {
			links = append(links, trace.LinkFromContext(own))
		}
	}
	b := tracedBatch{tracer: r.tracer, begun: time.Now()}
	ctx, b.span = r.tracer.Start(ctx, "publish batch", trace.WithLinks(links...), trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.Int("orderloom.events", len(events))))
	return ctx, b
}

// published gives each event that was published a span in its own trace, for the time of the page, which is linked.
func (b tracedBatch) published(ctx context.Context, events []domain.Envelope) {
	if !b.span.IsRecording() {
		return
	}
	link := trace.Link{SpanContext: b.span.SpanContext()}
	for i := range events {
		e := &events[i]
		own, ok := origin.Of(ctx, e.Metadata.TraceParent)
		if !ok || !trace.SpanContextFromContext(own).IsSampled() {
			continue
		}
		_, span := b.tracer.Start(own, "publish "+e.EventType, trace.WithTimestamp(b.begun), trace.WithLinks(link),
			trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
				attribute.String("orderloom.event_id", e.EventID.String()),
				attribute.String("orderloom.aggregate_id", e.AggregateID.String()),
				attribute.Int64("orderloom.version", e.Version),
			))
		span.End()
	}
}

// end ends the span of the page.
func (b tracedBatch) end(err error) {
	if err != nil {
		b.span.SetStatus(codes.Error, "not published")
	}
	b.span.End()
}
