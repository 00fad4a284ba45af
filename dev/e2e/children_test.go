package e2e_test

import (
	"testing"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
)

// childOf are the executions that wait for an order, by the state in which it waits for them.
var childOf = map[string]func(*drilled) string{
	"backordered":          func(o *drilled) string { return workflows.InventorySagaID(o.id) },
	"waiting for the bank": func(o *drilled) string { return workflows.PaymentSagaID(o.id) },
}

// TestAnOrderOutlivesItsChildren takes away the execution that waits for an order's goods or its payment. A child that
// was terminated or reset waits on; one that an operator has cancelled cancels the order.
//
// It fails when a terminated child ends its order (workflows/child.go, runChild), and when a cancelled one looks as if
// its deadline had passed.
func TestAnOrderOutlivesItsChildren(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for name, id := range childOf {
		in := states[name]
		t.Run(name+"/terminated twice", func(t *testing.T) {
			t.Parallel()
			o := s.place(t, in)
			for range 2 {
				run := o.child(id(o))
				require.NoError(t, s.sagas.TerminateWorkflow(t.Context(), id(o), run, "an operator's mistake"))
				o.await("another child", func() bool { return o.child(id(o)) != run })
			}
			o.finish(in.goOn, in.end, func(client.OrderStatus) {})
		})
		t.Run(name+"/reset", func(t *testing.T) {
			t.Parallel()
			o := s.place(t, in)
			run := o.child(id(o))
			var tasks []int64
			o.await("a child that waits", func() bool { tasks = o.tasksOf(id(o)); return len(tasks) > 0 })
			o.resetExecution(id(o), tasks[0])
			o.await("another run", func() bool { return o.child(id(o)) != run })
			o.finish(in.goOn, in.end, func(client.OrderStatus) {})
		})
		t.Run(name+"/cancelled", func(t *testing.T) {
			t.Parallel()
			o := s.place(t, in)
			require.NoError(t, s.sagas.CancelWorkflow(t.Context(), id(o), o.child(id(o))))
			o.finish(func(*drilled) {}, in.cancelled, func(client.OrderStatus) {})
			require.Equal(t, "operator_request", o.shown().CancelReason)
		})
	}
}

// anotherRun are the ways in which another run of an order's saga takes the place of one.
var anotherRun = map[string]func(*drilled){
	"continued as new": func(o *drilled) {
		for range 1000 {
			require.NoError(o.t, o.sagas.SignalWorkflow(o.t.Context(), workflows.OrderSagaID(o.id), "", "wake up", nil))
		}
		o.await("a run that continues", func() bool {
			return o.history("")[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId() != ""
		})
	},
	"terminated": func(o *drilled) {
		before := o.running()
		require.NoError(o.t, o.sagas.TerminateWorkflow(o.t.Context(), workflows.OrderSagaID(o.id), "", "an operator's mistake"))
		o.awaitAnother(before)
	},
	"reset": func(o *drilled) { o.reset(o.tasks()[0]) },
}

// TestChildrenOutliveTheRunThatHasStartedThem has another run of the order's saga take the place of the one that has
// started the child. The child is the same one then, and its answer reaches the order. Cancelled with the order, it has
// undone what it did.
//
// It fails when a run starts another child beside the one that is there (workflows/child.go, runChild), and when an
// order ends without it.
func TestChildrenOutliveTheRunThatHasStartedThem(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for way, take := range anotherRun {
		for name, id := range childOf {
			in := states[name]
			t.Run(way+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := s.place(t, in)
				child := o.child(id(o))
				take(o)
				o.awaitWaiting(id(o))
				require.Equal(t, child, o.child(id(o)), "another child was started")
				o.finish(in.goOn, in.end, func(client.OrderStatus) {})
				require.Equal(t, child, o.childOfAnyState(id(o)), "another child was started")
			})
			t.Run(way+"/"+name+"/cancelled", func(t *testing.T) {
				t.Parallel()
				o := s.place(t, in)
				child := o.child(id(o))
				take(o)
				o.await("a cancellation", func() bool {
					_, err := o.CancelOrder(o.t.Context(), o.id, client.CancelOrder{Reason: "changed_my_mind"})
					return err == nil
				})
				o.finish(func(*drilled) {}, in.cancelled, func(client.OrderStatus) {})
				require.Equal(t, "changed_my_mind", o.shown().CancelReason)
				require.Equal(t, child, o.childOfAnyState(id(o)))
				o.await("the end of its child", func() bool {
					d, err := s.sagas.DescribeWorkflowExecution(t.Context(), id(o), child)
					return err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_CANCELED
				})
			})
			t.Run(way+"/"+name+"/the child is terminated", func(t *testing.T) {
				t.Parallel()
				o := s.place(t, in)
				child := o.child(id(o))
				take(o)
				o.awaitWaiting(id(o))
				require.NoError(t, s.sagas.TerminateWorkflow(t.Context(), id(o), child, "an operator's mistake"))
				o.await("another child", func() bool { return o.child(id(o)) != child })
				o.finish(in.goOn, in.end, func(client.OrderStatus) {})
			})
			t.Run(way+"/"+name+"/the child is cancelled", func(t *testing.T) {
				t.Parallel()
				o := s.place(t, in)
				take(o)
				o.awaitWaiting(id(o))
				require.NoError(t, s.sagas.CancelWorkflow(t.Context(), id(o), ""))
				o.finish(func(*drilled) {}, in.cancelled, func(client.OrderStatus) {})
				require.Equal(t, "operator_request", o.shown().CancelReason)
			})
		}
	}
}

// awaitWaiting waits until the order's present run has asked a child of an earlier one to tell when it ends.
func (o *drilled) awaitWaiting(id string) {
	o.t.Helper()
	o.await("a run that waits for "+id, func() bool {
		for _, e := range o.history("") {
			asked := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
			if asked.GetSignalName() == workflows.OrderWaits && asked.GetWorkflowExecution().GetWorkflowId() == id {
				return true
			}
		}
		return false
	})
}

// child returns the run id of an open execution that the order waits for, once there is one.
func (o *drilled) child(id string) (run string) {
	o.t.Helper()
	o.await("a child", func() bool {
		d, err := o.sagas.DescribeWorkflowExecution(o.t.Context(), id, "")
		run = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		return err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	})
	return run
}

// childOfAnyState returns the run id of the last execution with an id.
func (o *drilled) childOfAnyState(id string) string {
	o.t.Helper()
	d, err := o.sagas.DescribeWorkflowExecution(o.t.Context(), id, "")
	require.NoError(o.t, err)
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}
