package sagaclient

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// refundWait is how long a caller waits for the gateway's answer to a refund. It outlasts the local attempts of a step.
// After that the saga is asked how far it has come: it answers once its step outwaits an outage.
const refundWait = 5 * time.Second

// ChangeReturn takes a step of a return: it is requested, decided on, or its goods come back. For goods it waits for
// the refund too, for some seconds. After that the result tells one that is owed or requested, and the saga goes on. It
// may be repeated.
//
// Errors: not_found; not_returnable; return_window_closed; return_not_approved; return_decided; too_many_returns;
// unknown_location; invalid; [Reused]; [ErrUnavailable].
func (c *Client) ChangeReturn(ctx context.Context, in workflows.ReturnInput) (workflows.ReturnResult, error) {
	what := "Return of lines: "
	if in.Action != workflows.ReturnAtOnce {
		what = fmt.Sprintf("Return, %s, lines: ", in.Action)
	}
	out, again, err := runRefund(ctx, c, in.WorkflowID(), what+strconv.Itoa(len(in.Lines)),
		workflows.ReturnSaga, in, workflows.QueryReturn, func(out workflows.ReturnResult) bool { return out.Amount.Currency != "" })
	out.Replayed = out.Replayed || again
	return out, err
}

// EndReturns has a saga look for returns of an order that are due. It waits for none of it, and does nothing while such
// a saga is open. It may be repeated. Error: [ErrUnavailable].
func (c *Client) EndReturns(ctx context.Context, orderID uuid.UUID) error {
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "returns-due-" + orderID.String(), TaskQueue: workflows.TaskQueue, StaticSummary: "Returns that nobody has decided on, or whose goods did not come",
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflows.ReturnDeadlineSaga, workflows.ReturnDeadline{OrderID: orderID})
	return inDomainTerms(err)
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
