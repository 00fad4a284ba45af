package sagaclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/workflows"
)

// Attend carries out what a person has decided on what waits for one. It waits for the outcome, for some seconds.
// It may be repeated: the same decision on the same attempt takes effect once.
//
// Errors: unknown_refund; refund_exceeds_capture; invalid; [Reused]; [ErrUnavailable], also when it is still under way.
func (c *Client) Attend(ctx context.Context, in workflows.AttentionInput) (out workflows.AttentionResult, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	what := "retry"
	if in.Resolution != nil {
		what = "resolve"
	}
	id := fmt.Sprintf("attention-%s-%s-%d", in.AttentionID, what, in.Attempts)
	run, again, err := startSaga(ctx, c, id, "What waits for a person: "+what, workflows.AttentionSaga, in)
	if err != nil {
		return out, again, err
	}
	if err = inDomainTerms(run.Get(ctx, &out)); errors.Is(err, ErrUnavailable) {
		err = fmt.Errorf("%s is under way: %w", id, err)
	}
	return out, again, err
}
