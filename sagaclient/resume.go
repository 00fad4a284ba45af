package sagaclient

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// WithoutSaga returns those of the orders that have no open saga, in their order. It may be repeated; at most 1,000
// orders at once. Error: [ErrUnavailable].
//
// Temporal's list of executions lags a little behind. So each order that the list does not show is looked up by its id.
// An execution that was deleted right after it had changed may stay in the list as running, for good. So one in
// listTrust of the orders that the list shows is looked up as well, chosen at random.
func (c *Client) WithoutSaga(ctx context.Context, orders []uuid.UUID) ([]uuid.UUID, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	listed, err := c.listOpen(ctx, orders)
	if err != nil {
		return nil, err
	}
	var without []uuid.UUID
	for _, id := range orders {
		if listed[workflows.OrderSagaID(id)] && rand.N(listTrust) != 0 {
			continue
		}
		open, err := c.isOpen(ctx, id)
		if err != nil {
			return nil, err
		}
		if !open {
			without = append(without, id)
		}
	}
	return without, nil
}

// listTrust is how many orders are taken from the list for each one that is looked up all the same.
const listTrust = 5

// listOpen returns the ids of the open sagas of these orders, as Temporal's list of executions has them.
func (c *Client) listOpen(ctx context.Context, orders []uuid.UUID) (map[string]bool, error) {
	ids := make([]string, len(orders))
	for i, id := range orders {
		ids[i] = `"` + workflows.OrderSagaID(id) + `"`
	}
	open := make(map[string]bool, len(orders))
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: int32(len(orders)), Query: `ExecutionStatus = "Running" AND WorkflowId IN (` + strings.Join(ids, ", ") + `)`,
	}
	for {
		page, err := c.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, inDomainTerms(err)
		}
		for _, e := range page.GetExecutions() {
			open[e.GetExecution().GetWorkflowId()] = true
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return open, nil
		}
	}
}

func (c *Client) isOpen(ctx context.Context, orderID uuid.UUID) (bool, error) {
	d, err := c.temporal.DescribeWorkflowExecution(ctx, workflows.OrderSagaID(orderID), "")
	if err = inDomainTerms(err); domain.Code(err) == domain.CodeNotFound {
		return false, nil
	}
	return d.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, err
}

// ResumeOrder starts a saga that goes on with an order from its events, wherever it stands. It may be repeated, and
// does nothing while a saga of the order is open: started is false then. Error: [ErrUnavailable].
func (c *Client) ResumeOrder(ctx context.Context, o order.Order) (started bool, err error) {
	memo := workflows.OrderMemo{
		OrderNumber: o.Number, CustomerID: o.CustomerID, RequestHash: o.RequestHash,
		Total: o.Total.Text(), Currency: o.Total.Currency, AcceptedAt: o.PlacedAt,
	}
	_, err = c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflows.OrderSagaID(o.ID),
		TaskQueue:                                workflows.TaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("%s, %s, resumed", o.Number, o.Total),
		Memo:                                     map[string]any{memoKey: memo},
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.KeyOrderStatus.ValueSet(workflows.MarkOpen), workflows.KeyCustomerID.ValueSet(o.CustomerID),
			workflows.KeyOrderNumber.ValueSet(o.Number), workflows.KeyOrderTotal.ValueSet(o.Total.Amount.InexactFloat64())),
	}, workflows.OrderSaga, workflows.OrderInput{OrderID: o.ID, Resume: true})
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &already) {
		return false, nil
	}
	return err == nil, inDomainTerms(err)
}
