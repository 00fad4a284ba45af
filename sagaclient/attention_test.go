package sagaclient_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// described stands in for Temporal where one execution is looked at.
type described struct {
	client.Client
	status enums.WorkflowExecutionStatus
	memo   *common.Payload
}

func (d described) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflow.WorkflowExecutionInfo{
		Status: d.status, Memo: &common.Memo{Fields: map[string]*common.Payload{"order": d.memo}},
	}}, nil
}

// A resolution that was refused, or whose end is not known, must not be taken for one that has settled something.
func TestOnlyAResolutionThatWasRecordedHasSettledSomething(t *testing.T) {
	t.Parallel()
	asked := workflows.AttentionInput{OrderID: uuid.New(), AttentionID: uuid.New(), Resolution: &workflows.Resolution{
		Amount: money.Must("5.00", "EUR"), Reference: "SEPA-1", By: "ann",
	}}
	memo, err := converter.GetDefaultDataConverter().ToPayload(asked)
	require.NoError(t, err)
	for name, status := range enums.WorkflowExecutionStatus_shorthandValue {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := described{status: enums.WorkflowExecutionStatus(status), memo: memo}
			before, err := sagaclient.New(d, nil, workflows.Deadlines{}, "").Attended(t.Context(), asked.AttentionID)
			if d.status == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
				require.NoError(t, err)
				require.Equal(t, asked, before)
				return
			}
			require.Equal(t, domain.CodeNotFound, domain.Code(err))
		})
	}
}
