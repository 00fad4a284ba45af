package e2e_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// TestAnOrderOutlivesItsExecution takes away the execution of an order in each state in which it waits for somebody.
// It does so by each of the ways that Temporal's operators have. Each order comes to its right end all the same.
//
// It fails when a saga trusts its own memory instead of the events (workflows/order_resume.go), and when nobody looks
// for orders without a saga (orphans).
func TestAnOrderOutlivesItsExecution(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	t.Run("a failing saga is shown with its cause", func(t *testing.T) {
		t.Parallel()
		s.requireFailingSagaIsShown(t)
	})
	t.Run("the namespace keeps the mark of its store", func(t *testing.T) {
		t.Parallel()
		s.requireMarkIsKept(t)
	})
	drillExecutions(t, s, waysToLoseAnExecution, func(string, string, client.OrderStatus) {})
}

// drillExecutions takes an order of each state to its end after its execution was taken away in each way, and notes it.
func drillExecutions(t *testing.T, s *shop, ways map[string]way, note func(way, in string, end client.OrderStatus)) {
	t.Helper()
	for way, take := range ways {
		for name, in := range states {
			if in.leave != nil {
				continue
			}
			t.Run(way+"/"+name, func(t *testing.T) {
				t.Parallel()
				take(t, s, in, func(end client.OrderStatus) { note(way, name, end) })
			})
		}
	}
}

// way takes an order from a state to its end, although its execution is taken away, and notes the end.
type way func(t *testing.T, s *shop, in state, note func(client.OrderStatus))

// waysToLoseAnExecution are what an operator of Temporal can do to an execution, by name. `make drill-temporal`
// has more of them.
var waysToLoseAnExecution = map[string]way{
	"terminate": func(t *testing.T, s *shop, in state, note func(client.OrderStatus)) {
		o := s.place(t, in)
		before := o.running()
		require.NoError(t, s.sagas.TerminateWorkflow(t.Context(), workflows.OrderSagaID(o.id), "", "an operator's mistake"))
		o.awaitAnother(before)
		o.finish(in.goOn, in.end, note)
	},
	"cancel": func(t *testing.T, s *shop, in state, note func(client.OrderStatus)) {
		o := s.place(t, in)
		require.NoError(t, s.sagas.CancelWorkflow(t.Context(), workflows.OrderSagaID(o.id), ""))
		goOn := in.goOn
		if in.cancelled.status == client.OrderCancelled {
			goOn = func(*drilled) {}
		}
		o.finish(goOn, in.cancelled, note)
	},
	"reset to the first task": func(t *testing.T, s *shop, in state, note func(client.OrderStatus)) {
		o := s.place(t, in)
		o.reset(o.tasks()[0])
		o.finish(in.goOn, in.end, note)
	},
}

func (o *drilled) awaitAnother(before string) {
	o.t.Helper()
	o.await("another execution", func() bool { now := o.running(); return now != "" && now != before })
}

// finish takes the order to its end, audits it, and notes the end.
func (o *drilled) finish(goOn func(*drilled), want end, note func(client.OrderStatus)) {
	o.t.Helper()
	goOn(o)
	o.audit(want)
	note(want.status)
}

// tasks returns the events with which the saga's workflow tasks have completed so far: at least one. The events of an
// order are seen a moment before the task completes that has recorded them.
func (o *drilled) tasks() (completed []int64) {
	o.t.Helper()
	o.await("a completed task", func() bool {
		completed = o.tasksOf(workflows.OrderSagaID(o.id))
		return len(completed) > 0
	})
	return completed
}

func (o *drilled) tasksOf(id string) (completed []int64) {
	o.t.Helper()
	history := o.sagas.GetWorkflowHistory(o.t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		require.NoError(o.t, err)
		if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			completed = append(completed, e.GetEventId())
		}
	}
	return completed
}

func (o *drilled) reset(task int64) {
	o.t.Helper()
	o.resetExecution(workflows.OrderSagaID(o.id), task)
}

func (o *drilled) resetExecution(id string, task int64) {
	o.t.Helper()
	_, err := o.sagas.ResetWorkflowExecution(o.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: o.platform.Config.Temporal.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: id},
		Reason: "a drill", RequestId: uuid.NewString(), WorkflowTaskFinishEventId: task,
	})
	require.NoError(o.t, err)
}
