package relay

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A page is a trace of its own, linked to those that it serves. Each of those gets a span that leads back to the page.
func TestAPageIsLinkedToTheTracesOfItsEvents(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	r := &Relay{tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")}
	event := func(parent string) domain.Envelope {
		return domain.Envelope{EventType: "OrderPlaced", Metadata: domain.Metadata{TraceParent: parent}}
	}
	events := []domain.Envelope{
		event("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		event("00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"), // not sampled
		event(""),
		event("nonsense"),
	}
	ctx, traced := r.traceBatch(t.Context(), events)
	traced.published(ctx, events)
	traced.end(nil)
	spans := recorder.Ended()
	require.Len(t, spans, 2)
	one, page := spans[0], spans[1]
	require.Equal(t, []string{"publish OrderPlaced", "publish batch"}, []string{one.Name(), page.Name()})
	require.Len(t, page.Links(), 2)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", page.Links()[0].SpanContext.TraceID().String())
	require.False(t, page.Parent().IsValid(), "it belongs to none of them")
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", one.SpanContext().TraceID().String())
	require.Equal(t, page.SpanContext(), one.Links()[0].SpanContext)
}
