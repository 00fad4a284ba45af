// Package toysaga is a small saga for tests of replaying. Its recorded history is in internal/replay/testdata, and it
// can be changed in ways that disagree with it.
package toysaga

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// Toy is a saga of a few steps, and what could be changed in it later.
type Toy struct {
	// LocalStep is the local activity of the first step.
	LocalStep string
	// Skip leaves a step out: local, activity, timer, child, version.
	Skip map[string]bool
	// Another adds an activity before the timer.
	Another bool
	// TimerInstead starts a timer in the place of the activity.
	TimerInstead bool
	Answer       string
	Panics       bool
}

// Recorded is the toy as its history was recorded.
var Recorded = Toy{LocalStep: "Weigh", Answer: "picked up"}

// With returns the toy after a change.
func (v Toy) With(change func(*Toy)) Toy { change(&v); return v }

// Skipping returns the change that leaves a step out.
func Skipping(step string) func(*Toy) { return func(t *Toy) { t.Skip = map[string]bool{step: true} } }

// Sagas returns the toy and its child by their workflow types.
func (v Toy) Sagas() map[string]any { return map[string]any{"Toy": v.saga, "Pickup": Pickup} }

func (v Toy) saga(ctx workflow.Context) (string, error) {
	if v.Panics {
		panic("a mistake")
	}
	if !v.Skip["local"] {
		local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second, Summary: "Weigh the shipment"})
		if err := workflow.ExecuteLocalActivity(local, v.LocalStep).Get(ctx, nil); err != nil {
			return "", err
		}
	}
	durable := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second, Summary: "Print a label"})
	switch {
	case v.TimerInstead:
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return "", err
		}
	case !v.Skip["activity"]:
		if err := workflow.ExecuteActivity(durable, "Label").Get(ctx, nil); err != nil {
			return "", err
		}
	}
	if v.Another {
		if err := workflow.ExecuteActivity(durable, "Insure").Get(ctx, nil); err != nil {
			return "", err
		}
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	if !v.Skip["timer"] {
		workflow.NewTimerWithOptions(timerCtx, time.Hour, workflow.TimerOptions{Summary: "pickup deadline"})
	}
	workflow.GetSignalChannel(ctx, "pickup").Receive(ctx, nil)
	stop()
	if !v.Skip["version"] {
		workflow.GetVersion(ctx, "pickup-as-child", workflow.DefaultVersion, 1)
	}
	if !v.Skip["child"] {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "pickup-1"})
		if err := workflow.ExecuteChildWorkflow(child, "Pickup").Get(ctx, nil); err != nil {
			return "", err
		}
	}
	return v.Answer, nil
}

// Pickup is the toy's child.
func Pickup(workflow.Context) error { return nil }
