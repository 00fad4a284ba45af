package sagaclient

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
)

// What Temporal may answer otherwise in a while is passing, and the same request may be repeated.
// Fails without WorkflowNotReady: a request that meets a failed workflow task is answered as our fault.
func TestWhatPassesAtTemporalIsToldAsPassing(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		serviceerror.NewUnavailable("away"),
		serviceerror.NewDeadlineExceeded("late"),
		serviceerror.NewResourceExhausted(enums.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW, "busy"),
		serviceerror.NewNamespaceNotFound("orderloom"),
		serviceerror.NewNamespaceNotActive("orderloom", "a", "b"),
		serviceerror.NewWorkflowNotReady("Unable to perform workflow execution update due to unexpected workflow task failure."),
		serviceerror.NewAborted("moved"),
		serviceerror.NewInternal("broken"),
		context.DeadlineExceeded,
	} {
		require.ErrorIs(t, inDomainTerms(fmt.Errorf("update: %w", err)), ErrUnavailable, "%T", err)
	}
	require.Equal(t, domain.CodeNotFound, domain.Code(inDomainTerms(serviceerror.NewNotFound("gone"))))
	unknown := temporal.NewApplicationError("unknown update", "")
	for _, err := range []error{serviceerror.NewInvalidArgument("empty id"), serviceerror.NewPermissionDenied("no", ""), unknown, errors.New("what is that")} {
		told := inDomainTerms(fmt.Errorf("update: %w", err))
		require.NotErrorIs(t, told, ErrUnavailable, "%T", err)
		require.Empty(t, domain.Code(told), "%T is no refusal", err)
		require.Equal(t, failure.Lasts, failure.Of(told), "%T", err)
	}
}
