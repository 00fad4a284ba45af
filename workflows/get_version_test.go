package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

// What docs/add-a-saga-step.md says of a step that is put behind a version. A saga whose history has no such version
// leaves the step out, and any other runs it.
func TestAStepBehindAVersionIsLeftOutOfOlderSagas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version workflow.Version
		runs    int
	}{{workflow.DefaultVersion, 0}, {1, 1}} {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		runs := 0
		env.RegisterActivityWithOptions(func(context.Context) error { runs++; return nil }, activity.RegisterOptions{Name: "MarkOverdue"})
		env.OnGetVersion("mark-overdue", workflow.DefaultVersion, workflow.Version(1)).Return(c.version)
		env.ExecuteWorkflow(sagaWithANewStep)
		require.True(t, env.IsWorkflowCompleted())
		require.NoError(t, env.GetWorkflowError())
		require.Equal(t, c.runs, runs)
	}
}

func sagaWithANewStep(ctx workflow.Context) error {
	// region version
	if workflow.GetVersion(ctx, "mark-overdue", workflow.DefaultVersion, 1) > workflow.DefaultVersion {
		if err := markOverdue(ctx); err != nil {
			return err
		}
	}
	// endregion
	return nil
}

func markOverdue(ctx workflow.Context) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: time.Second})
	return workflow.ExecuteLocalActivity(ctx, "MarkOverdue").Get(ctx, nil)
}
