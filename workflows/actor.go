package workflows

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/domain/actor"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// actorHeader is the header in which it travels on whose behalf something is done. The start of a saga, an update, a
// step and a child have it. A signal has it in its body.
const actorHeader = "orderloom-actor"

// Actors carries on whose behalf something is done from the API into the sagas and their steps. It is for the options
// of the Temporal client.
type Actors struct{}

var _ workflow.ContextPropagator = Actors{}

// Inject implements [workflow.ContextPropagator].
func (Actors) Inject(ctx context.Context, w workflow.HeaderWriter) error {
	return write(w, actor.From(ctx))
}

// InjectFromWorkflow implements [workflow.ContextPropagator].
func (Actors) InjectFromWorkflow(ctx workflow.Context, w workflow.HeaderWriter) error {
	return write(w, actorOf(ctx))
}

// Extract implements [workflow.ContextPropagator].
func (Actors) Extract(ctx context.Context, r workflow.HeaderReader) (context.Context, error) {
	a, err := read(r)
	return actor.With(ctx, a), err
}

// ExtractToWorkflow implements [workflow.ContextPropagator].
func (Actors) ExtractToWorkflow(ctx workflow.Context, r workflow.HeaderReader) (workflow.Context, error) {
	a, err := read(r)
	return withActor(ctx, a), err
}

func write(w workflow.HeaderWriter, a actor.Actor) error {
	if a == "" {
		return nil
	}
	// Not by the converter of the client, which encrypts: an actor is no secret, and a history is read by it.
	payload, err := converter.GetDefaultDataConverter().ToPayload(string(a))
	if err != nil {
		return fmt.Errorf("write who asks: %w", err)
	}
	w.Set(actorHeader, payload)
	return nil
}

func read(r workflow.HeaderReader) (a actor.Actor, err error) {
	payload, ok := r.Get(actorHeader)
	if !ok {
		return "", nil
	}
	var text string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &text); err != nil {
		return "", fmt.Errorf("read who asks: %w", err)
	}
	return actor.Actor(text), nil
}

type actorKey struct{}

// withActor returns ctx for steps on behalf of a; an empty one is the platform itself.
func withActor(ctx workflow.Context, a actor.Actor) workflow.Context {
	if a == "" && actorOf(ctx) == "" {
		return ctx
	}
	return workflow.WithValue(ctx, actorKey{}, a)
}

// actorOf returns on whose behalf ctx works.
func actorOf(ctx workflow.Context) actor.Actor {
	a, _ := ctx.Value(actorKey{}).(actor.Actor)
	return a
}
