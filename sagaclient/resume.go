package sagaclient

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// WithoutSaga returns those of the orders that have no open saga, in their order. It may be repeated; at most 1,000
// orders at once. Error: [ErrUnavailable].
//
// With trustList, an order is taken to have a saga when Temporal's list of executions shows an open one. That is one
// call for all of them. But the list may go on showing an execution that was deleted right after it had changed. The
// server writes the change to the list without holding the execution, so that it may come after the deletion, for good.
//
// The list lags behind for others. So each order that it does not show is looked up by its id, and without trustList
// each order is.
func (c *Client) WithoutSaga(ctx context.Context, orders []uuid.UUID, trustList bool) ([]uuid.UUID, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	if trustList {
		listed, err := c.listOpen(ctx, orders)
		if err != nil {
			return nil, err
		}
		orders = slices.DeleteFunc(slices.Clone(orders), func(id uuid.UUID) bool { return listed[workflows.OrderSagaID(id)] })
	}
	open, err := c.lookUp(ctx, orders)
	if err != nil {
		return nil, err
	}
	var without []uuid.UUID
	for i, id := range orders {
		if !open[i] {
			without = append(without, id)
		}
	}
	return without, nil
}

// lookUpsMax is how many executions are looked up at once.
const lookUpsMax = 16

// lookUp tells of each order whether it has an open saga.
func (c *Client) lookUp(ctx context.Context, orders []uuid.UUID) (open []bool, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	open = make([]bool, len(orders))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(lookUpsMax, len(orders)) {
		all.Go(func() {
			for i := range next {
				is, err := c.isOpen(ctx, orders[i])
				if err != nil {
					stop(err)
				}
				open[i] = is
			}
		})
	}
	for i := range orders {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	all.Wait()
	return open, context.Cause(ctx)
}

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

// openPage is how many open sagas one page has.
const openPage = 1000

// OpenSagas returns the orders that have an open saga by Temporal's list of executions, which may lag a little behind.
// It returns a page after a token; nil begins it, and comes with the last page. Error: [ErrUnavailable].
func (c *Client) OpenSagas(ctx context.Context, token []byte) (orders []uuid.UUID, next []byte, err error) {
	page, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: openPage, NextPageToken: token, Query: `ExecutionStatus = "Running" AND WorkflowType = "OrderSaga"`,
	})
	if err != nil {
		return nil, nil, inDomainTerms(err)
	}
	for _, e := range page.GetExecutions() {
		if id, is := workflows.OrderOfSaga(e.GetExecution().GetWorkflowId()); is {
			orders = append(orders, id)
		}
	}
	return orders, page.GetNextPageToken(), nil
}

// ResumeOrder starts a saga that goes on with an order from its events, wherever it stands. It may be repeated. While a
// saga of the order is open, it is replaced: Temporal terminates it. Or, without replace, nothing is done, and started
// is false. Error: [ErrUnavailable].
func (c *Client) ResumeOrder(ctx context.Context, o order.Order, replace bool) (started bool, err error) {
	memo := workflows.OrderMemo{
		OrderNumber: o.Number, CustomerID: o.CustomerID, RequestHash: o.RequestHash,
		Total: o.Total.Text(), Currency: o.Total.Currency, AcceptedAt: o.PlacedAt,
	}
	conflict := enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	if replace {
		conflict = enums.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	}
	already, err := c.startOrderSaga(ctx, workflows.OrderInput{OrderID: o.ID, Resume: true}, memo, o.Total, client.StartWorkflowOptions{
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: conflict,
		StaticSummary:            fmt.Sprintf("%s, %s, resumed", o.Number, o.Total),
	})
	return err == nil && !already, err
}
