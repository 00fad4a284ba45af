package sagaclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
)

// Attend carries out what a person has decided on what waits for one. It waits for the outcome, for some seconds.
// It may be repeated: the same decision on the same attempt takes effect once.
//
// Errors: unknown_refund; refund_exceeds_capture; invalid; [Reused]; [ErrUnavailable], also when it is still under way.
func (c *Client) Attend(ctx context.Context, in workflows.AttentionInput) (out workflows.AttentionResult, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	what, id := "retry", fmt.Sprintf("attention-%s-retry-%d", in.AttentionID, in.Attempts)
	if in.Resolution != nil {
		what, id = "resolve", resolutionID(in.AttentionID)
	}
	run, again, err := startSaga(ctx, c, id, "What waits for a person: "+what, workflows.AttentionSaga, in)
	if err != nil {
		return out, again, err
	}
	if err = inDomainTerms(run.Get(ctx, &out)); errors.Is(err, ErrUnavailable) {
		err = fmt.Errorf("%s is under way: %w", id, err)
	}
	return out, again, err
}

// Attended returns how a person has settled something outside before, as it was asked for: with its Resolution. A
// request that was refused, or is under way, has settled nothing.
//
// Temporal remembers it for as long as it keeps ended executions. Errors: not_found; [ErrUnavailable].
func (c *Client) Attended(ctx context.Context, attentionID uuid.UUID) (workflows.AttentionInput, error) {
	var before workflows.AttentionInput
	id := resolutionID(attentionID)
	status, err := c.readExecution(ctx, id, &before)
	if err == nil && status != enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		err = domain.Refuse(domain.CodeNotFound, "%s has settled nothing: it is %s", id, status)
	}
	return before, err
}

// resolutionID is the workflow id of what settles something outside: that is done once.
func resolutionID(attentionID uuid.UUID) string {
	return "attention-" + attentionID.String() + "-resolve"
}
