package sagaclient

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// PlaceAgain starts the saga of an order anew from what its first run was asked. An open one is terminated. It is for
// an order whose events are lost. The order keeps its id, and its steps the ids of their events and of their requests
// to the gateway. So what was authorised before is found and not asked for twice. It may be repeated.
//
// Errors: not_found when Temporal does not know any more what the first run was asked; [ErrUnavailable].
func (c *Client) PlaceAgain(ctx context.Context, id uuid.UUID) error {
	memo, err := c.OrderMemo(ctx, id)
	if err != nil {
		return err
	}
	in, err := c.firstInput(ctx, id)
	if err != nil {
		return err
	}
	total := in.Total()
	_, err = c.startOrderSaga(ctx, in, memo, total, client.StartWorkflowOptions{
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
		StaticSummary:            fmt.Sprintf("%s, %s, placed again", memo.OrderNumber, total),
	})
	return err
}

// firstInput returns what the first run of an order's saga was asked.
func (c *Client) firstInput(ctx context.Context, id uuid.UUID) (in workflows.OrderInput, err error) {
	started, err := c.startOf(ctx, id, "")
	if err != nil {
		return in, err
	}
	if first := started.GetFirstExecutionRunId(); first != started.GetOriginalExecutionRunId() {
		if started, err = c.startOf(ctx, id, first); err != nil {
			return in, err
		}
	}
	payloads := started.GetInput().GetPayloads()
	if len(payloads) != 1 {
		return in, domain.Refuse(domain.CodeNotFound, "the first run of order %s has no input of ours", id)
	}
	if err := c.memos.FromPayload(payloads[0], &in); err != nil {
		return in, fmt.Errorf("read what order %s was asked: %w", id, err)
	}
	if in.Resume || in.Carried != nil || len(in.Items) == 0 {
		return in, domain.Refuse(domain.CodeNotFound, "the first run of order %s went on with it and does not tell what was ordered", id)
	}
	return in, nil
}

// startOf returns the first event of a run's history; an empty run is the newest one.
func (c *Client) startOf(ctx context.Context, id uuid.UUID, run string) (*history.WorkflowExecutionStartedEventAttributes, error) {
	events := c.temporal.GetWorkflowHistory(ctx, workflows.OrderSagaID(id), run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	event, err := events.Next()
	if err != nil {
		return nil, inDomainTerms(err)
	}
	return event.GetWorkflowExecutionStartedEventAttributes(), nil
}
