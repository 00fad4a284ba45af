package payments

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// span is a call of a gateway, as its trace names it.
type span struct {
	name      string
	paymentID uuid.UUID // Nil where the call is about no payment
}

// begin starts the span of a call, and returns what ends it. A refusal is an answer, so its code stands in the span and
// is no error. What a gateway says is not recorded, because it may name a person.
func (g guard) begin(ctx context.Context, s span) (context.Context, func(error)) {
	if g.tracer == nil {
		return ctx, func(error) {}
	}
	ctx, started := g.tracer.Start(ctx, "gateway "+s.name, trace.WithSpanKind(trace.SpanKindClient))
	if s.paymentID != uuid.Nil {
		started.SetAttributes(attribute.String("orderloom.payment_id", s.paymentID.String()))
	}
	return ctx, func(err error) {
		defer started.End()
		var refused *domain.Error
		var open *breaker.OpenError
		switch {
		case err == nil:
		case errors.As(err, &open):
			started.SetAttributes(attribute.Bool("orderloom.turned_away", true))
			started.SetStatus(codes.Error, "the gateway does not answer, and was not asked")
		case errors.As(err, &refused):
			started.SetAttributes(attribute.String("orderloom.refused", string(refused.Code)))
		case errors.Is(err, ErrCredentials):
			started.SetStatus(codes.Error, "the gateway refuses our credentials")
		default:
			started.SetStatus(codes.Error, "no answer")
		}
	}
}
