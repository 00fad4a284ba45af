package replay_test

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/replay"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// record is the address of a Temporal server on which to record testdata/toy.json anew:
//
//	go test ./internal/replay -run TestRecordToy -record localhost:7233
var record = flag.String("record", "", "address of a Temporal server to record testdata/toy.json on")

const toyFile = "testdata/toy.json"

// toy is a saga of a few steps, and what could be changed in it later.
type toy struct {
	// localStep is the local activity of the first step.
	localStep string
	// skip leaves a step out: local, activity, timer, child, version.
	skip map[string]bool
	// another adds an activity before the timer.
	another bool
	// timerInstead starts a timer in the place of the activity.
	timerInstead bool
	answer       string
	panics       bool
}

func (v toy) saga(ctx workflow.Context) (string, error) {
	if v.panics {
		panic("a mistake")
	}
	if !v.skip["local"] {
		local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second, Summary: "Weigh the shipment"})
		if err := workflow.ExecuteLocalActivity(local, v.localStep).Get(ctx, nil); err != nil {
			return "", err
		}
	}
	durable := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second, Summary: "Print a label"})
	switch {
	case v.timerInstead:
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return "", err
		}
	case !v.skip["activity"]:
		if err := workflow.ExecuteActivity(durable, "Label").Get(ctx, nil); err != nil {
			return "", err
		}
	}
	if v.another {
		if err := workflow.ExecuteActivity(durable, "Insure").Get(ctx, nil); err != nil {
			return "", err
		}
	}
	timerCtx, stop := workflow.WithCancel(ctx)
	if !v.skip["timer"] {
		workflow.NewTimerWithOptions(timerCtx, time.Hour, workflow.TimerOptions{Summary: "pickup deadline"})
	}
	workflow.GetSignalChannel(ctx, "pickup").Receive(ctx, nil)
	stop()
	if !v.skip["version"] {
		workflow.GetVersion(ctx, "pickup-as-child", workflow.DefaultVersion, 1)
	}
	if !v.skip["child"] {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "pickup-1"})
		if err := workflow.ExecuteChildWorkflow(child, "Pickup").Get(ctx, nil); err != nil {
			return "", err
		}
	}
	return v.answer, nil
}

// recorded is the toy as its history was recorded.
var recorded = toy{localStep: "Weigh", answer: "picked up"}

func nothing(context.Context) error        { return nil }
func pickup(workflow.Context) error        { return nil }
func (v toy) replayer() *replay.Replayer   { return replay.New(v.sagas(), nil) }
func (v toy) sagas() map[string]any        { return map[string]any{"Toy": v.saga, "Pickup": pickup} }
func (v toy) with(change func(t *toy)) toy { change(&v); return v }
func skipping(step string) func(*toy)      { return func(t *toy) { t.skip = map[string]bool{step: true} } }

func TestRecordToy(t *testing.T) {
	if *record == "" {
		t.Skip("records only when asked to: -record")
	}
	c, err := client.Dial(client.Options{HostPort: *record, Namespace: "orderloom", Identity: "recorder"})
	require.NoError(t, err)
	defer c.Close()
	w := worker.New(c, "toy", worker.Options{})
	for name, saga := range recorded.sagas() {
		w.RegisterWorkflowWithOptions(saga, workflow.RegisterOptions{Name: name})
	}
	for _, name := range []string{"Weigh", "Label"} {
		w.RegisterActivityWithOptions(nothing, activity.RegisterOptions{Name: name})
	}
	require.NoError(t, w.Start())
	defer w.Stop()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "toy-1", TaskQueue: "toy"}, "Toy")
	require.NoError(t, err)
	// The signal comes once the timer runs.
	require.Eventually(t, func() bool {
		h, err := replay.Fetch(t.Context(), c, run.GetID(), run.GetRunID())
		return err == nil && h.Events[len(h.Events)-1].GetTimerStartedEventAttributes() != nil
	}, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, c.SignalWorkflow(t.Context(), "toy-1", "", "pickup", nil))
	require.NoError(t, run.Get(t.Context(), nil))
	h, err := replay.Fetch(t.Context(), c, run.GetID(), run.GetRunID())
	require.NoError(t, err)
	b, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(toyFile, append(b, '\n'), 0o644))
}
