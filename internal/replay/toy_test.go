package replay_test

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/testing/toysaga"
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

func replayer(v toysaga.Toy) *replay.Replayer { return replay.New(v.Sagas(), nil) }

func TestRecordToy(t *testing.T) {
	if *record == "" {
		t.Skip("records only when asked to: -record")
	}
	c, err := client.Dial(client.Options{HostPort: *record, Namespace: "orderloom", Identity: "recorder"})
	require.NoError(t, err)
	defer c.Close()
	w := worker.New(c, "toy", worker.Options{})
	for name, saga := range toysaga.Recorded.Sagas() {
		w.RegisterWorkflowWithOptions(saga, workflow.RegisterOptions{Name: name})
	}
	for _, name := range []string{"Weigh", "Label"} {
		w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: name})
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
