package sagaclient_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// deserted stands in for Temporal just after the last worker was killed, which it still lists.
type deserted struct {
	client.Client
	taken time.Time // until then a worker had the workflow task
}

func (deserted) DescribeTaskQueue(context.Context, string, enums.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueue.PollerInfo{{}}}, nil
}

func (deserted) ExecuteWorkflow(context.Context, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return endless{}, nil
}

func (d deserted) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	state := enums.PENDING_WORKFLOW_TASK_STATE_SCHEDULED
	if time.Now().Before(d.taken) {
		state = enums.PENDING_WORKFLOW_TASK_STATE_STARTED
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{PendingWorkflowTask: &workflow.PendingWorkflowTaskInfo{State: state}}, nil
}

type endless struct{ client.WorkflowRun }

func (endless) GetID() string    { return "reconciliation" }
func (endless) GetRunID() string { return "run" }

func (endless) Get(ctx context.Context, _ any) error {
	<-ctx.Done()
	return ctx.Err()
}

// Fails where a worker that has gone counts as one, for as long as Temporal lists it.
func TestAReconciliationThatNobodyTakesUpIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, busy := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			c := sagaclient.New(deserted{taken: begun.Add(busy)}, nil, workflows.Deadlines{}, "")
			_, err := c.Reconcile(t.Context(), workflows.ReconciliationInput{}, func(workflows.Reconciliation) {})
			require.Equal(t, sagaclient.CodeNoWorker, domain.Code(err), "%v", err)
			require.InDelta(t, busy+30*time.Second, time.Since(begun), float64(5*time.Second))
		})
	}
}
