package sagaclient

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// CodeNoWorker refuses to wait for a saga that nobody would take up.
const CodeNoWorker domain.ErrorCode = "no_worker"

// Reconcile compares the gateway's ledger with the payments, and waits for the end of that for as long as ctx lasts. It
// may be repeated. Meanwhile sofar is told what has been counted, every two seconds or so. Errors: not_found for an
// order that does not exist; ledger_out_of_reach; no_worker; [ErrUnavailable].
func (c *Client) Reconcile(
	ctx context.Context, in workflows.ReconciliationInput, sofar func(workflows.Reconciliation),
) (out workflows.Reconciliation, err error) {
	queue, err := c.temporal.DescribeTaskQueue(ctx, workflows.TaskQueue, enums.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return out, inDomainTerms(err)
	}
	if len(queue.GetPollers()) == 0 {
		return out, domain.Refuse(CodeNoWorker, "no worker takes up sagas: start one with \"orderloom worker\"")
	}
	run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "reconciliation-" + uuid.NewString(), TaskQueue: workflows.TaskQueue, StaticSummary: "Compares the payments with the gateway on demand",
	}, workflows.ReconciliationSaga, in)
	if err != nil {
		return out, inDomainTerms(err)
	}
	return c.awaitReconciled(ctx, run, sofar)
}

// awaitReconciled waits for the end of a reconciliation, or until no worker has taken it up for long.
func (c *Client) awaitReconciled(
	ctx context.Context, run client.WorkflowRun, sofar func(workflows.Reconciliation),
) (workflows.Reconciliation, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// One wait for the whole: one that is ended from time to time can't be told from a server that does not answer.
	var out workflows.Reconciliation
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &out) }()
	ticker := time.NewTicker(countedEvery)
	defer ticker.Stop()
	for taken := time.Now(); ; {
		select {
		case err := <-ended:
			return out, inDomainTerms(err)
		case <-ticker.C:
		}
		d, err := c.temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			continue
		}
		if d.GetPendingWorkflowTask().GetState() != enums.PENDING_WORKFLOW_TASK_STATE_SCHEDULED {
			taken = time.Now()
		}
		if time.Since(taken) > takenWithin {
			return workflows.Reconciliation{}, domain.Refuse(CodeNoWorker,
				"no worker has taken up the reconciliation for %s; one that starts does: start it with \"orderloom worker\"", takenWithin)
		}
		if counted, ok := c.counted(d); ok {
			sofar(counted)
		}
	}
}

// takenWithin is how long a reconciliation may wait for a worker. Temporal lists those that have gone for minutes.
const takenWithin = 30 * time.Second

// countedEvery is how often a reconciliation tells what it has counted.
const countedEvery = 2 * time.Second

// counted reads what the step of a reconciliation has told last. It is false when that is nothing yet.
func (c *Client) counted(d *workflowservice.DescribeWorkflowExecutionResponse) (counted workflows.Reconciliation, ok bool) {
	for _, step := range d.GetPendingActivities() {
		if details := step.GetHeartbeatDetails(); details != nil {
			return counted, c.memos.FromPayloads(details, &counted) == nil
		}
	}
	return counted, false
}
