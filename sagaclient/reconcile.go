package sagaclient

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// CodeNoWorker refuses to wait for a saga that nobody would take up.
const CodeNoWorker domain.ErrorCode = "no_worker"

// Reconcile compares the gateway's ledger with the payments, and waits for the end of that for as long as ctx lasts. It
// may be repeated. Errors: not_found for an order that does not exist; ledger_out_of_reach; no_worker;
// [ErrUnavailable].
func (c *Client) Reconcile(ctx context.Context, in workflows.ReconciliationInput) (out workflows.Reconciliation, err error) {
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
	err = run.Get(ctx, &out)
	return out, inDomainTerms(err)
}
