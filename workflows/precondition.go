package workflows

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/domain/precondition"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// preconditionHeader is the header in which the precondition of a request travels, beside who asks.
const preconditionHeader = "orderloom-precondition"

// Preconditions carries the precondition of a request from the API to the step that decides on it. It is for the
// options of the Temporal client, as [Actors] is.
type Preconditions struct{}

var _ workflow.ContextPropagator = Preconditions{}

// Inject implements [workflow.ContextPropagator].
func (Preconditions) Inject(ctx context.Context, w workflow.HeaderWriter) error {
	return writePrecondition(w, precondition.From(ctx))
}

// InjectFromWorkflow implements [workflow.ContextPropagator].
func (Preconditions) InjectFromWorkflow(ctx workflow.Context, w workflow.HeaderWriter) error {
	return writePrecondition(w, preconditionOf(ctx))
}

// Extract implements [workflow.ContextPropagator].
func (Preconditions) Extract(ctx context.Context, r workflow.HeaderReader) (context.Context, error) {
	p, err := readPrecondition(r)
	return precondition.With(ctx, p), err
}

// ExtractToWorkflow implements [workflow.ContextPropagator].
func (Preconditions) ExtractToWorkflow(ctx workflow.Context, r workflow.HeaderReader) (workflow.Context, error) {
	p, err := readPrecondition(r)
	return withPrecondition(ctx, p), err
}

func writePrecondition(w workflow.HeaderWriter, p precondition.Precondition) error {
	if p == "" {
		return nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(string(p)) // it is no secret, as an actor is none
	if err != nil {
		return fmt.Errorf("write the precondition: %w", err)
	}
	w.Set(preconditionHeader, payload)
	return nil
}

func readPrecondition(r workflow.HeaderReader) (p precondition.Precondition, err error) {
	payload, ok := r.Get(preconditionHeader)
	if !ok {
		return "", nil
	}
	var text string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &text); err != nil {
		return "", fmt.Errorf("read the precondition: %w", err)
	}
	return precondition.Precondition(text), nil
}

type preconditionKey struct{}

// withPrecondition returns ctx for steps of a request with a precondition; an empty one is none.
func withPrecondition(ctx workflow.Context, p precondition.Precondition) workflow.Context {
	if p == "" && preconditionOf(ctx) == "" {
		return ctx
	}
	return workflow.WithValue(ctx, preconditionKey{}, p)
}

func preconditionOf(ctx workflow.Context) precondition.Precondition {
	p, _ := ctx.Value(preconditionKey{}).(precondition.Precondition)
	return p
}
