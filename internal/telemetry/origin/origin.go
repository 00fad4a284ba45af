// Package origin finds the trace of the step that caused an event, for those who handle events of many traces at once.
package origin

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Of returns ctx in the trace of the step that caused an event, by the trace parent in the event's metadata. It reports
// false where the event has none that is well formed. What ctx was part of before is left.
func Of(ctx context.Context, traceParent string) (context.Context, bool) {
	if traceParent == "" {
		return ctx, false
	}
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceParent})
	return ctx, trace.SpanContextFromContext(ctx).IsValid()
}
