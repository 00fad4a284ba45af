package sagaclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/workflows"
)

// refundWait is how long a caller waits for the gateway's answer to a refund. It outlasts the local attempts of a step.
// After that the saga is asked how far it has come: it answers once its step outwaits an outage.
const refundWait = 5 * time.Second

// ReturnGoods takes goods back after their delivery and refunds what is owed for them. It waits for both, for some
// seconds: after that the result tells a refund that is owed or requested, and the saga goes on. It may be repeated
// under the same return id.
//
// Errors: not_found; not_returnable; return_window_closed; invalid; [Reused]; [ErrUnavailable].
func (c *Client) ReturnGoods(ctx context.Context, in workflows.ReturnInput) (workflows.ReturnResult, error) {
	out, again, err := runRefund(ctx, c, "return-"+in.ReturnID.String(), fmt.Sprintf("Return of lines: %d", len(in.Lines)),
		workflows.ReturnSaga, in, workflows.QueryReturn, func(out workflows.ReturnResult) bool { return out.Amount.Currency != "" })
	out.Replayed = out.Replayed || again
	return out, err
}

// RefundPayment gives money back without goods. It waits for the gateway's answer, for some seconds: after that the
// refund is requested, and the saga goes on. It may be repeated under the same refund id. With After it tries a refund
// once more that has failed.
//
// A refund that the gateway refuses is no error: its status is failed. Errors: refund_exceeds_capture;
// refund_under_way; payment_disputed; [Reused]; [ErrUnavailable].
func (c *Client) RefundPayment(ctx context.Context, in workflows.RefundInput) (workflows.RefundResult, error) {
	id := "refund-" + in.RefundID.String()
	if in.After > 0 {
		id = fmt.Sprintf("%s-%d", id, in.After+1)
	}
	out, again, err := runRefund(ctx, c, id, "Refund of "+in.What(), workflows.RefundSaga, in, workflows.QueryRefund,
		func(out workflows.RefundResult) bool { return out.Refund.RefundID != uuid.Nil })
	out.Replayed = out.Replayed || again
	return out, err
}

// runRefund runs a saga that ends with the gateway's answer. When that is long in coming, it asks the saga how far it
// has come. Known reports whether its answer tells anything yet.
func runRefund[I, O any](
	ctx context.Context, c *Client, id, summary string, saga any, in I, query string, known func(O) bool,
) (out O, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	run, again, err := startSaga(ctx, c, id, summary, saga, in)
	if err != nil {
		return out, false, err
	}
	waitCtx, stop := context.WithTimeout(ctx, refundWait)
	defer stop()
	if err = inDomainTerms(run.Get(waitCtx, &out)); !errors.Is(err, ErrUnavailable) {
		return out, again, err
	}
	value, queryErr := c.temporal.QueryWorkflow(ctx, id, "", query)
	if queryErr != nil {
		return out, again, inDomainTerms(queryErr)
	}
	var soFar O
	if queryErr := value.Get(&soFar); queryErr != nil {
		return out, again, fmt.Errorf("read %s of %s: %w", query, id, queryErr)
	}
	if !known(soFar) {
		return out, again, err // nothing is recorded yet
	}
	return soFar, again, nil
}
