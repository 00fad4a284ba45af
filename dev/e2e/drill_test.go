//go:build drill

package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporal "go.temporal.io/sdk/client"
)

func init() {
	deleteExecution = func(namespace string) func(*testing.T, temporal.Client, execution) {
		return func(t *testing.T, c temporal.Client, e execution) {
			_, err := c.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace: namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: e.id()},
			})
			require.NoError(t, err)
		}
	}
}
