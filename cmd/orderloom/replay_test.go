package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/replay"
	"github.com/orderloom/orderloom/internal/testing/toysaga"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
)

const toyFile = "../../internal/replay/testdata/toy.json"

// replayToy runs the command on the toy as it is in v.
func replayToy(t *testing.T, v toysaga.Toy, server client.Client, args ...string) (string, error) {
	t.Helper()
	stdin, err := os.Open("../../internal/replay/testdata/toy.tctl.json")
	require.NoError(t, err)
	defer func() { _ = stdin.Close() }()
	var out strings.Builder
	p := &program{stdin: stdin, stdout: &out, stderr: &out, lookup: noEnvironment}
	p.replayer = func(config.Config) (*replay.Replayer, func(context.Context) (client.Client, error), error) {
		return replay.New(v.Sagas(), nil), func(context.Context) (client.Client, error) {
			if server == nil {
				return nil, errors.New("there is no server in this test")
			}
			return server, nil
		}, nil
	}
	_, err = p.execute(t.Context(), append([]string{"replay"}, args...))
	return out.String(), err
}

func noEnvironment(string) (string, bool) { return "", false }

func TestReplayOnAFile(t *testing.T) {
	t.Parallel()
	out, err := replayToy(t, toysaga.Recorded, nil, toyFile)
	require.NoError(t, err)
	require.Equal(t, "AGREES     "+toyFile+": Toy, 29 events, completed\n", out)

	out, err = replayToy(t, toysaga.Recorded.With(toysaga.Skipping("timer")), nil, toyFile)
	require.ErrorIs(t, err, replay.ErrDisagrees)
	require.Equal(t, `DISAGREES  `+toyFile+`: Toy, 29 events, completed
  At event 12 (TimerStarted) the history starts a timer of 1h0m0s "pickup deadline";
  today's code does not.
`, out)
	require.NotContains(t, out, "SDK")

	out, err = replayToy(t, toysaga.Recorded.With(toysaga.Skipping("timer")), nil, "-v", toyFile)
	require.ErrorIs(t, err, replay.ErrDisagrees)
	require.Contains(t, out, "The SDK says: [TMPRL1100]")
}

func TestReplayTellsProgramsOfEachHistory(t *testing.T) {
	t.Parallel()
	out, err := replayToy(t, toysaga.Recorded.With(toysaga.Skipping("timer")), nil, "-o", "json", toyFile, "testdata/none.json")
	require.ErrorIs(t, err, replay.ErrDisagrees)
	require.Equal(t, exitFound, exitStatus(t.Context(), "replay", err))
	var told struct {
		Histories                   []replayedHistory
		Replayed, Disagree, Unknown int
	}
	require.NoError(t, json.Unmarshal([]byte(out), &told))
	require.Equal(t, [3]int{1, 1, 1}, [3]int{told.Replayed, told.Disagree, told.Unknown})
	require.Equal(t, "disagrees", told.Histories[0].Verdict)
	require.Equal(t, int64(12), told.Histories[0].Disagreement.EventID)
	require.Equal(t, "unknown", told.Histories[1].Verdict)

	_, err = replayToy(t, toysaga.Recorded, nil, "testdata/none.json")
	require.Equal(t, exitUsage, exitStatus(t.Context(), "replay", err))
}

func TestReplayOnStandardInput(t *testing.T) {
	t.Parallel()
	out, err := replayToy(t, toysaga.Recorded, nil, "-")
	require.NoError(t, err)
	require.Equal(t, "AGREES     -: Toy, 29 events, completed\n", out)
}

func TestReplayOnSeveral(t *testing.T) {
	t.Parallel()
	out, err := replayToy(t, toysaga.Recorded.With(toysaga.Skipping("child")), nil, toyFile, "testdata/none.json", "../../internal/replay/testdata/toy.temporal.json")
	require.ErrorIs(t, err, replay.ErrDisagrees)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Contains(t, out, "UNKNOWN    testdata/none.json")
	require.True(t, strings.HasSuffix(out, "2 replayed, 2 disagree, 1 could not be replayed.\n"), out)
}

func TestReplayOnTheServer(t *testing.T) {
	t.Parallel()
	server := &mocks.Client{}
	server.On("GetWorkflowHistory", mock.Anything, "toy-1", "run-1", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Return(pages(t, toyFile))
	server.On("Close")
	out, err := replayToy(t, toysaga.Recorded, server, "--run-id", "run-1", "toy-1")
	require.NoError(t, err)
	require.Equal(t, "AGREES     toy-1: Toy, 29 events, completed\n", out)
	server.AssertExpectations(t)
}

func TestReplayOnAQuery(t *testing.T) {
	t.Parallel()
	server := &mocks.Client{}
	page := func(token string, ids ...string) *workflowservice.ListWorkflowExecutionsResponse {
		r := &workflowservice.ListWorkflowExecutionsResponse{NextPageToken: []byte(token)}
		for _, id := range ids {
			r.Executions = append(r.Executions, &workflow.WorkflowExecutionInfo{Execution: &common.WorkflowExecution{WorkflowId: id, RunId: "r"}})
			server.On("GetWorkflowHistory", mock.Anything, id, "r", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Return(pages(t, toyFile))
		}
		return r
	}
	asks := func(token string) any {
		return mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
			return r.Query == `ExecutionStatus="Running"` && string(r.NextPageToken) == token
		})
	}
	server.On("ListWorkflow", mock.Anything, asks("")).Return(page("more", "a", "b"), nil)
	server.On("ListWorkflow", mock.Anything, asks("more")).Return(page("", "c", "d"), nil)
	server.On("Close")
	out, err := replayToy(t, toysaga.Recorded, server, "--query", `ExecutionStatus="Running"`, "--limit", "3")
	require.NoError(t, err)
	require.Contains(t, out, "AGREES     c:")
	require.NotContains(t, out, "AGREES     d:")
	require.Contains(t, out, "There are more; --limit was reached.\n3 replayed, 0 disagree")
}

func TestReplayWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"nothing":        {},
		"no server":      {"order-1"},
		"run of two":     {"--run-id", "r", "a", "b"},
		"limit":          {"--query", "x", "--limit", "0"},
		"unknown option": {"--hurry", toyFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := replayToy(t, toysaga.Recorded, nil, args...)
			require.Error(t, err)
			require.NotErrorIs(t, err, replay.ErrDisagrees)
		})
	}
	out, err := replayToy(t, toysaga.Recorded, nil, "-h")
	require.NoError(t, err)
	require.Contains(t, out, "Usage:\n  orderloom replay")

	server := &mocks.Client{}
	iterator := &mocks.HistoryEventIterator{}
	iterator.On("HasNext").Return(true)
	iterator.On("Next").Return(nil, serviceerror.NewNotFound("no such execution"))
	server.On("GetWorkflowHistory", mock.Anything, "order-1", "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Return(iterator)
	server.On("Close")
	out, err = replayToy(t, toysaga.Recorded, server, "order-1")
	require.ErrorContains(t, err, "no such execution")
	require.Contains(t, out, "UNKNOWN    order-1")
}

// pages is a history as the client returns it.
func pages(t *testing.T, name string) client.HistoryEventIterator {
	t.Helper()
	iterator := &mocks.HistoryEventIterator{}
	for _, e := range history(t, name) {
		iterator.On("HasNext").Return(true).Once()
		iterator.On("Next").Return(e, nil).Once()
	}
	iterator.On("HasNext").Return(false)
	return iterator
}

func history(t *testing.T, name string) []*historypb.HistoryEvent {
	t.Helper()
	h, err := replay.ReadFile(name)
	require.NoError(t, err)
	return h.Events
}
