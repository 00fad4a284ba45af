package payments_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Each call of a gateway is a span in the trace of its step. What the gateway says stays out of it.
func TestEachCallOfAGatewayIsASpan(t *testing.T) {
	t.Parallel()
	const secret = "Ada Lovelace's card"
	for name, c := range map[string]struct {
		err    error
		status codes.Code
	}{
		"an answer":   {nil, codes.Unset},
		"a refusal":   {domain.Refuse(payments.CodeGatewayRefused, secret), codes.Unset},
		"no answer":   {payments.NoAnswer(errors.New(secret)), codes.Error},
		"credentials": {payments.NoAnswer(payments.ErrCredentials), codes.Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := tracetest.NewSpanRecorder()
			traces := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			g := payments.Guard(&outage{err: c.err}, breaker.New(payments.BreakerSettings()), traces)
			ctx, step := traces.Tracer("test").Start(t.Context(), "step")
			id := uuid.New()
			_, err := g.Capture(ctx, payments.CaptureRequest{PaymentID: id})
			require.Equal(t, c.err, err)
			spans := recorder.Ended()
			require.Len(t, spans, 1)
			require.Equal(t, "gateway capture", spans[0].Name())
			require.Equal(t, step.SpanContext().SpanID(), spans[0].Parent().SpanID())
			require.Equal(t, c.status, spans[0].Status().Code)
			require.NotContains(t, spans[0].Status().Description, secret)
			require.Equal(t, id.String(), spans[0].Attributes()[0].Value.AsString())
			for _, a := range spans[0].Attributes() {
				require.NotContains(t, a.Value.AsString(), secret)
			}
		})
	}
}
