package sagaclient

import (
	"context"
	"errors"
	"strings"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
)

// FailingSaga is an open execution whose workflow tasks keep failing.
type FailingSaga struct {
	WorkflowID, RunID string
	// Cause is what Temporal tells, such as "WorkflowTaskFailedCauseNonDeterministicError".
	Cause string
}

// attributeProblems is the server's own. An execution has it whose workflow tasks have failed or timed out several
// times in a row, 5 by default. It goes once one succeeds. Its values are "category=…" and "cause=…".
const (
	attributeProblems = "TemporalReportedProblems"
	problemCause      = "cause="
)

const failingQuery = `ExecutionStatus = "Running" AND ` + attributeProblems + ` IS NOT NULL`

// FailingSagas returns open executions whose workflow tasks keep failing, at most limit, and how many there are.
// Supported is false when the server does not know the search attribute. Error: [ErrUnavailable].
func (c *Client) FailingSagas(ctx context.Context, limit int) (failing []FailingSaga, count int, supported bool, err error) {
	counted, err := c.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: failingQuery})
	var unknown *serviceerror.InvalidArgument
	switch {
	case errors.As(err, &unknown):
		return nil, 0, false, nil
	case err != nil:
		return nil, 0, false, inDomainTerms(err)
	case counted.GetCount() == 0:
		return nil, 0, true, nil
	}
	page, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: int32(limit), Query: failingQuery})
	if err != nil {
		return nil, 0, false, inDomainTerms(err)
	}
	for _, e := range page.GetExecutions() {
		failing = append(failing, FailingSaga{
			WorkflowID: e.GetExecution().GetWorkflowId(), RunID: e.GetExecution().GetRunId(),
			Cause: problem(e.GetSearchAttributes().GetIndexedFields()[attributeProblems]),
		})
	}
	return failing, int(counted.GetCount()), true, nil
}

// problem reads the cause from the search attribute. Search attributes are never encrypted.
func problem(p *common.Payload) string {
	var values []string
	if err := converter.GetDefaultDataConverter().FromPayload(p, &values); err != nil {
		return "unknown"
	}
	for _, v := range values {
		if cause, is := strings.CutPrefix(v, problemCause); is {
			return cause
		}
	}
	return strings.Join(values, ", ")
}
