package sagaclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/common/v1"
	schedules "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/taskqueue/v1"
	workflow "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
)

// markScheduleID is the schedule that carries the mark of a namespace. It is paused and has no times, so it never runs.
// A schedule outlives the retention of executions, and Temporal makes one of an id once.
const (
	markScheduleID = "orderloom-event-store"
	markKey        = "event_store"
)

// ClaimNamespace returns the mark that the namespace carries: which event store's orders run in it. A namespace without
// one gets this mark, and keeps it. Of several that claim it at once, one does. It may be repeated.
//
// A mark is JSON and is not encrypted, so that a platform with other keys reads it too. Error: [ErrUnavailable].
func (c *Client) ClaimNamespace(ctx context.Context, namespace string, mark json.RawMessage) (json.RawMessage, error) {
	found, err := c.ReadMark(ctx, namespace)
	if domain.Code(err) != domain.CodeNotFound {
		return found, err
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(mark)
	if err != nil {
		return nil, fmt.Errorf("mark namespace %s: %w", namespace, err)
	}
	_, err = c.temporal.WorkflowService().CreateSchedule(ctx, &workflowservice.CreateScheduleRequest{
		Namespace: namespace, ScheduleId: markScheduleID, RequestId: uuid.NewString(),
		Memo: &common.Memo{Fields: map[string]*common.Payload{markKey: payload}},
		Schedule: &schedules.Schedule{
			Spec: &schedules.ScheduleSpec{},
			Action: &schedules.ScheduleAction{Action: &schedules.ScheduleAction_StartWorkflow{StartWorkflow: &workflow.NewWorkflowExecutionInfo{
				WorkflowId: markScheduleID, WorkflowType: &common.WorkflowType{Name: markScheduleID},
				TaskQueue: &taskqueue.TaskQueue{Name: workflows.TaskQueue},
			}}},
			State: &schedules.ScheduleState{Paused: true, Notes: "Says which event store's orders run in this namespace: " + string(mark)},
		},
	})
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if err != nil && !errors.As(err, &already) {
		return nil, inDomainTerms(err)
	}
	return c.ReadMark(ctx, namespace)
}

// reachKey is the name under which the schedule's action keeps how far the event store was. That of the schedule itself
// stays as it was made.
const reachKey = "event_store_reach"

// WriteReach keeps with the mark of the namespace how far the event store is: any JSON. It may be repeated. Errors:
// not_found for a namespace without a mark; [ErrUnavailable].
func (c *Client) WriteReach(ctx context.Context, namespace string, reach json.RawMessage) error {
	d, err := c.describeMark(ctx, namespace)
	if err != nil {
		return err
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(reach)
	if err != nil {
		return fmt.Errorf("write the reach of namespace %s: %w", namespace, err)
	}
	s := d.GetSchedule()
	start := s.GetAction().GetStartWorkflow()
	if start == nil {
		return domain.Refuse(domain.CodeNotFound, "the schedule %s of namespace %s is none of ours", markScheduleID, namespace)
	}
	start.Memo = &common.Memo{Fields: map[string]*common.Payload{reachKey: payload}}
	_, err = c.temporal.WorkflowService().UpdateSchedule(ctx, &workflowservice.UpdateScheduleRequest{
		Namespace: namespace, ScheduleId: markScheduleID, RequestId: uuid.NewString(), Schedule: s, ConflictToken: d.GetConflictToken(),
	})
	return inDomainTerms(err)
}

// ReadReach returns what was kept last with the mark of the namespace. It may be repeated. Errors: not_found;
// [ErrUnavailable].
func (c *Client) ReadReach(ctx context.Context, namespace string) (json.RawMessage, error) {
	d, err := c.describeMark(ctx, namespace)
	if err != nil {
		return nil, err
	}
	payload, ok := d.GetSchedule().GetAction().GetStartWorkflow().GetMemo().GetFields()[reachKey]
	if !ok {
		return nil, domain.Refuse(domain.CodeNotFound, "namespace %s does not say how far the event store was", namespace)
	}
	var reach json.RawMessage
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &reach); err != nil {
		return nil, fmt.Errorf("read the reach of namespace %s: %w", namespace, err)
	}
	return reach, nil
}

// ReadMark returns the mark of the namespace. It may be repeated. Errors: not_found; [ErrUnavailable].
func (c *Client) ReadMark(ctx context.Context, namespace string) (json.RawMessage, error) {
	d, err := c.describeMark(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var mark json.RawMessage
	if err := converter.GetDefaultDataConverter().FromPayload(d.GetMemo().GetFields()[markKey], &mark); err != nil {
		return nil, fmt.Errorf("read the mark of namespace %s: %w", namespace, err)
	}
	return mark, nil
}

func (c *Client) describeMark(ctx context.Context, namespace string) (*workflowservice.DescribeScheduleResponse, error) {
	d, err := c.temporal.WorkflowService().DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{
		Namespace: namespace, ScheduleId: markScheduleID,
	})
	return d, inDomainTerms(err)
}
