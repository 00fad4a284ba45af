package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sort"
	"strings"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Replayer replays histories on one version of the saga code. It is safe for concurrent use.
type Replayer struct {
	sagas map[string]any
	data  converter.DataConverter
}

// New returns a replayer of the workflow types in sagas, by name. The data converter is the one the
// payloads were written with; nil is the SDK's own.
func New(sagas map[string]any, data converter.DataConverter) *Replayer {
	if data == nil {
		data = converter.GetDefaultDataConverter()
	}
	return &Replayer{sagas: sagas, data: data}
}

// Result is what a replay found.
type Result struct {
	WorkflowType string
	// WorkflowID and RunID are empty where the history does not have them.
	WorkflowID, RunID string
	Events            int
	// Status is the last event's: running, completed, failed, cancelled, …
	Status string
	// Disagreement is nil when today's code agrees with the history.
	Disagreement *Disagreement
	// Note is what else there is to say of code that agrees.
	Note string
}

// Disagreement is the first place where today's code takes another way than the history.
type Disagreement struct {
	// EventID is the event at which they part; the last one before it where the code does more than
	// the history.
	EventID   int64
	EventType string
	// History and Code tell in words what either does there, such as "starts a timer of 24h0m0s".
	History, Code string
	// TaskEventID is the event that started the workflow task in question, and Calls is what today's
	// code does in it, one after the other.
	TaskEventID int64
	Calls       []string
	// Err is what the SDK says. It may quote payloads.
	Err error
}

// Replay replays one history. A disagreement is a result. An error says that the history could not be replayed at
// all: it is no whole history, or its payloads can't be read.
func (r *Replayer) Replay(ctx context.Context, h *historypb.History) (Result, error) {
	if err := check(h); err != nil {
		return Result{}, err
	}
	started := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
	result := Result{
		WorkflowType: started.GetWorkflowType().GetName(), WorkflowID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId(),
		Events: len(h.Events), Status: status(h.Events[len(h.Events)-1]),
	}
	for _, p := range started.GetInput().GetPayloads() {
		if err := unreadable(p, r.data); err != nil {
			return result, fmt.Errorf("the input of %s can't be read: %w", result.WorkflowType, err)
		}
	}
	if len(starts(h)) == 0 {
		result.Note = "no workflow task has started yet, so there is nothing to compare"
		return result, nil
	}
	last, err := r.run(ctx, h)
	if err != nil {
		if ctx.Err() != nil {
			return result, err
		}
		result.Disagreement, err = r.explain(ctx, h, err)
		return result, err
	}
	result.Note = r.compareAnswers(h, last)
	return result, nil
}

// attempt is one replay by the SDK.
type attempt struct {
	replayer worker.WorkflowReplayer
	recorder *recorder
	id       string
}

// run replays a history or a beginning of one. The SDK can't be interrupted, so when ctx ends the
// replay is left to itself.
func (r *Replayer) run(ctx context.Context, h *historypb.History) (attempt, error) {
	started := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
	a := attempt{recorder: &recorder{}, id: started.GetWorkflowId()}
	var err error
	a.replayer, err = worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: r.data,
		// With messages in the clear, or what differs could not be told.
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: r.data}),
		Interceptors:     []interceptor.WorkerInterceptor{a.recorder},
		// A busy machine is no deadlock.
		DisableDeadlockDetection: true,
	})
	if err != nil {
		return a, fmt.Errorf("make a replayer: %w", err)
	}
	for name, saga := range r.sagas {
		a.replayer.RegisterWorkflowWithOptions(saga, workflow.RegisterOptions{Name: name})
	}
	done := make(chan error, 1)
	go func() {
		done <- a.replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), h, worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
		})
	}()
	select {
	case err := <-done:
		return a, err
	case <-ctx.Done():
		return a, ctx.Err()
	}
}

// explain finds where a history and today's code part. Beginnings of a history that end before that
// place replay well, longer ones don't, so it is found by bisection over the workflow tasks.
func (r *Replayer) explain(ctx context.Context, h *historypb.History, err error) (*Disagreement, error) {
	d := &Disagreement{Err: err}
	if m := noType.FindStringSubmatch(err.Error()); m != nil {
		d.EventID, d.EventType, d.History, d.Code = 1, h.Events[0].GetEventType().String(), "starts "+m[1], "has no such workflow type"
		return d, nil
	}
	tasks := starts(h)
	var last attempt
	at := sort.Search(len(tasks)-1, func(i int) bool {
		a, failed := r.run(ctx, &historypb.History{Events: h.Events[:taskEnd(h, tasks[i])]})
		if failed != nil {
			d.Err, last = failed, a
		}
		return failed != nil
	})
	if at == len(tasks)-1 { // only the whole history fails
		last, _ = r.run(ctx, h)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	end := len(h.Events)
	if at+1 < len(tasks) {
		end = taskEnd(h, tasks[at])
	}
	d.TaskEventID = h.Events[tasks[at]].GetEventId()
	calls := last.recorder.during(d.TaskEventID)
	for _, c := range calls {
		d.Calls = append(d.Calls, c.String())
	}
	d.locate(h.Events[tasks[at]+1:end], calls, r.data)
	return d, nil
}

// locate tells which event of a workflow task it is and puts both sides into words. It goes by the SDK's message,
// which is exact about commands in the wrong place, or by what the code did in the task.
func (d *Disagreement) locate(window []*historypb.HistoryEvent, calls []call, dc converter.DataConverter) {
	text := d.Err.Error()
	var event *historypb.HistoryEvent
	if m := differs.FindStringSubmatch(text); m != nil {
		event, d.Code = theEvent(window, m[1], m[2]), commandWords(m[3], m[4])
	} else if m := missing.FindStringSubmatch(text); m != nil {
		event, d.Code = theEvent(window, m[1], m[2]), "does not"
	} else if m := extra.FindStringSubmatch(text); m != nil {
		d.History, d.Code = "does nothing more in this workflow task", commandWords(m[1], m[2])
	} else if strings.Contains(text, illegal) {
		event, d.Code = compare(window, calls, dc)
	} else {
		event = firstWhere(window, byCode)
		d.Code, _, _ = strings.Cut("stops with an error: "+text, "\n")
	}
	if event == nil {
		event = lastWhere(window, byCode)
	}
	d.EventID = d.TaskEventID
	if event != nil {
		d.EventID, d.EventType = event.GetEventId(), event.GetEventType().String()
		if d.History == "" {
			d.History = did(event, dc).String()
		}
	}
}

// illegal marks the messages by which the SDK's state machines refuse a history. They come where an
// event finds nothing to belong to, which may be later than where the code went another way.
const illegal = "[TMPRL1100]"

// compare finds the first thing that the history did in a workflow task and the code did not do.
func compare(window []*historypb.HistoryEvent, calls []call, dc converter.DataConverter) (event *historypb.HistoryEvent, code string) {
	i := 0
	for _, e := range window {
		if !comparable(e) {
			continue
		}
		if i == len(calls) {
			return e, "does not"
		}
		if calls[i].words != words(e, dc) {
			return e, calls[i].String()
		}
		i++
	}
	return nil, "does something else"
}

func firstWhere(events []*historypb.HistoryEvent, is func(*historypb.HistoryEvent) bool) *historypb.HistoryEvent {
	if i := slices.IndexFunc(events, is); i >= 0 {
		return events[i]
	}
	return nil
}

func lastWhere(events []*historypb.HistoryEvent, is func(*historypb.HistoryEvent) bool) *historypb.HistoryEvent {
	for _, e := range slices.Backward(events) {
		if is(e) {
			return e
		}
	}
	return nil
}

// taskEnd returns the place after the events that the workflow task started at place start caused. They
// follow its completion at once: the server writes them together.
func taskEnd(h *historypb.History, start int) int {
	end := start + 2
	for end < len(h.Events) && byCode(h.Events[end]) {
		end++
	}
	return min(end, len(h.Events))
}

// starts returns the places of the events that start workflow tasks which were completed, or are under
// way.
func starts(h *historypb.History) []int {
	var places []int
	for i, e := range h.Events {
		if e.GetEventType() != enums.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			continue
		}
		if i+1 < len(h.Events) && h.Events[i+1].GetEventType() != enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue // failed or timed out: it has done nothing
		}
		places = append(places, i)
	}
	return places
}

// compareAnswers says where the same steps lead to another answer. The SDK does not mind, and an open execution
// survives it, but a caller may notice.
func (r *Replayer) compareAnswers(h *historypb.History, a attempt) string {
	completed := h.Events[len(h.Events)-1].GetWorkflowExecutionCompletedEventAttributes()
	if completed == nil || len(completed.GetResult().GetPayloads()) != 1 {
		return ""
	}
	// The SDK's replayer has the method, its interface does not.
	answers, ok := a.replayer.(interface{ GetWorkflowResult(id string, v any) error })
	var was, is any
	if !ok || r.data.FromPayloads(completed.GetResult(), &was) != nil || answers.GetWorkflowResult(a.id, &is) != nil {
		return ""
	}
	if !reflect.DeepEqual(was, is) {
		return "the steps are the same, but today's code ends with another answer"
	}
	return ""
}

// status says in a word how the last event leaves an execution.
func status(e *historypb.HistoryEvent) string {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return "completed"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return "failed"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return "timed out"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return "cancelled"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		return "terminated"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return "continued as new"
	}
	return "running"
}

// ErrDisagrees says that today's code disagrees with at least one history.
var ErrDisagrees = errors.New("today's code disagrees with the history")
