package replay_test

import (
	"context"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/testing/toysaga"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func TestTheRecordedCodeAgrees(t *testing.T) {
	t.Parallel()
	h := readFile(t, toyFile)
	result, err := replayer(toysaga.Recorded).Replay(t.Context(), h)
	require.NoError(t, err)
	require.Nil(t, result.Disagreement)
	require.Equal(t, "Toy", result.WorkflowType)
	require.Equal(t, "toy-1", result.WorkflowID)
	require.Equal(t, "completed", result.Status)
	require.Equal(t, len(h.Events), result.Events)
	require.Empty(t, result.Note)
}

// Every beginning of a history is the history of an open execution.
func TestTheRecordedCodeAgreesAtEveryMoment(t *testing.T) {
	t.Parallel()
	h := readFile(t, toyFile)
	for n := 1; n <= len(h.Events); n++ {
		if n < len(h.Events) && causedByTask(h.Events[n]) {
			continue // written together with the event before
		}
		result, err := replayer(toysaga.Recorded).Replay(t.Context(), &historypb.History{Events: h.Events[:n]})
		require.NoError(t, err)
		require.Nil(t, result.Disagreement, "%d events", n)
	}
}

func causedByTask(e *historypb.HistoryEvent) bool {
	b, err := protojson.Marshal(e)
	return err != nil || strings.Contains(string(b), "workflowTaskCompletedEventId")
}

func TestAnotherAnswerIsNoted(t *testing.T) {
	t.Parallel()
	result, err := replayer(toysaga.Recorded.With(func(v *toysaga.Toy) { v.Answer = "collected" })).Replay(t.Context(), readFile(t, toyFile))
	require.NoError(t, err)
	require.Nil(t, result.Disagreement)
	require.Contains(t, result.Note, "another answer")
}

func TestDisagreementsAreLocated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change        func(*toysaga.Toy)
		event         int64
		history, code string
	}{
		"another local activity": {func(v *toysaga.Toy) { v.LocalStep = "Measure" }, 5, `runs the local activity Weigh "Weigh the shipment"`, `runs the local activity Measure "Weigh the shipment"`},
		"no local activity":      {toysaga.Skipping("local"), 5, `runs the local activity Weigh "Weigh the shipment"`, `schedules the activity Label "Print a label"`},
		"no activity":            {toysaga.Skipping("activity"), 6, `schedules the activity Label "Print a label"`, `starts a timer of 1h0m0s "pickup deadline"`},
		"a timer instead":        {func(v *toysaga.Toy) { v.TimerInstead = true }, 6, `schedules the activity Label "Print a label"`, `starts a timer of 1m0s "Sleep"`},
		"an activity more":       {func(v *toysaga.Toy) { v.Another = true }, 12, `starts a timer of 1h0m0s "pickup deadline"`, `schedules the activity Insure "Print a label"`},
		"no timer":               {toysaga.Skipping("timer"), 12, `starts a timer of 1h0m0s "pickup deadline"`, "does not"},
		"no child":               {toysaga.Skipping("child"), 20, "starts the child Pickup (pickup-1)", "does not"},
		"a panic":                {func(v *toysaga.Toy) { v.Panics = true }, 5, "", "stops with an error: a mistake"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := replayer(toysaga.Recorded.With(c.change)).Replay(t.Context(), readFile(t, toyFile))
			require.NoError(t, err)
			d := result.Disagreement
			require.NotNil(t, d)
			t.Log(result.Report(name, true))
			require.Equal(t, c.code, d.Code)
			require.Equal(t, c.event, d.EventID)
			if c.history != "" {
				require.Equal(t, c.history, d.History)
			}
		})
	}
}

func TestAVersionMarkerMayGo(t *testing.T) {
	t.Parallel()
	result, err := replayer(toysaga.Recorded.With(toysaga.Skipping("version"))).Replay(t.Context(), readFile(t, toyFile))
	require.NoError(t, err)
	require.Nil(t, result.Disagreement)
}

func TestUnknownWorkflowType(t *testing.T) {
	t.Parallel()
	result, err := replay.New(map[string]any{"Pickup": toysaga.Pickup}, nil).Replay(t.Context(), readFile(t, toyFile))
	require.NoError(t, err)
	require.Equal(t, "has no such workflow type", result.Disagreement.Code)
	require.Equal(t, "starts Toy", result.Disagreement.History)
}

func TestReplayEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := replayer(toysaga.Recorded).Replay(ctx, readFile(t, toyFile))
	require.ErrorIs(t, err, context.Canceled)
}

func TestReplayLeavesTheHistoryAsItIs(t *testing.T) {
	t.Parallel()
	h := readFile(t, toyFile)
	before := proto.Clone(h)
	_, err := replayer(toysaga.Recorded.With(toysaga.Skipping("child"))).Replay(t.Context(), h)
	require.NoError(t, err)
	require.True(t, proto.Equal(before, h))
}
