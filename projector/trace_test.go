package projector

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestEveryEventEndsItsOwnTrace(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	p := &Projector{tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")}
	ctx, batch := p.tracer.Start(t.Context(), "project batch")
	event := func(parent string) Incoming {
		return Incoming{Event: Event{Envelope: domain.Envelope{EventType: "OrderPlaced", Metadata: domain.Metadata{TraceParent: parent}}}}
	}
	p.traceEvents(ctx, batch, time.Now(), []Incoming{
		event("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		event("00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"), // not sampled
		event(""),
		event("nonsense"),
	})
	spans := recorder.Ended()
	require.Len(t, spans, 1)
	require.Equal(t, "project OrderPlaced", spans[0].Name())
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", spans[0].SpanContext().TraceID().String())
	require.Equal(t, "b7ad6b7169203331", spans[0].Parent().SpanID().String())
	require.Equal(t, batch.SpanContext(), spans[0].Links()[0].SpanContext)
}
