package e2e_test

import (
	"testing"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
)

// TestAnOrderOutlivesItsChildren takes away the execution that waits for an order's goods or its payment. A child that
// was terminated or reset waits on; one that an operator has cancelled cancels the order.
//
// It fails when a terminated child ends its order (workflows/step.go, runChild), and when a cancelled one looks as if
// its deadline had passed.
func TestAnOrderOutlivesItsChildren(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for name, id := range map[string]func(*drilled) string{
		"backordered":          func(o *drilled) string { return workflows.InventorySagaID(o.id) },
		"waiting for the bank": func(o *drilled) string { return workflows.PaymentSagaID(o.id) },
	} {
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
