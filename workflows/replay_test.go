package workflows_test

import (
	"path/filepath"
	"testing"

	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/worker"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
)

// Every recorded path replays on today's code. When one does not, an execution on that path would be
// stuck after the release: guard the change with workflow.GetVersion. Only when no execution of the old
// code is open anywhere, record them anew instead: make histories.
func TestHistoriesReplay(t *testing.T) {
	t.Parallel()
	replayer := replay.New(worker.Sagas(), nil)
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	for _, file := range files {
		h, err := replay.ReadFile(file)
		require.NoError(t, err)
		seen[h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()] = true
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			result, err := replayer.Replay(t.Context(), h)
			require.NoError(t, err)
			require.Nil(t, result.Disagreement, result.Report(file, true))
			require.Empty(t, result.Note, file)
		})
	}
	for saga := range worker.Sagas() {
		require.True(t, seen[saga], "no history of %s is recorded", saga)
	}
}

// An execution may be anywhere on its path when a release comes.
func TestHistoriesReplayFromEveryWorkflowTask(t *testing.T) {
	t.Parallel()
	replayer := replay.New(worker.Sagas(), nil)
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	for _, file := range files {
		h, err := replay.ReadFile(file)
		require.NoError(t, err)
		for i, e := range h.Events {
			if e.GetWorkflowTaskStartedEventAttributes() == nil {
				continue
			}
			result, err := replayer.Replay(t.Context(), &historypb.History{Events: h.Events[:i+1]})
			require.NoError(t, err)
			require.Nil(t, result.Disagreement, result.Report(file, true))
		}
	}
}
