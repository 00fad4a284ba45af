package workflows

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/orderloom/orderloom/domain"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Budgets of a step. The local attempts fit well into a workflow task (10 s), so that the task need
// not be kept alive; the durable ones outwait an outage of any length.
const (
	localBudget           = 4 * time.Second
	localAttemptsMax      = 3
	localBackoff          = 50 * time.Millisecond
	durableAttemptTimeout = 30 * time.Second
	durableBackoff        = time.Second
	durableBackoffMax     = time.Minute
	// durableAttemptsMax is without end for all that matters: at one a minute, four thousand years. It is
	// said because the SDK's test environment takes 0 to mean ten.
	durableAttemptsMax = math.MaxInt32
)

// localAttemptTimeout is a variable for the tests alone, which have many steps time out.
var localAttemptTimeout = 2 * time.Second

// step runs one activity: as a local activity with a short budget and, when that fails for a reason
// that may pass, as an activity of the server with unlimited, backed-off retries.
//
// Errors: a refusal, as an application error whose type is the domain's code; cancellation of ctx. An
// attempt that was cancelled is awaited, so that what it did is known to the compensations.
func step[I, O any](ctx workflow.Context, summary string, activity func(context.Context, I) (O, error), in I) (O, error) {
	var out O
	err := run(ctx, summary, activity, in, &out, 0)
	return out, err
}

// stepWithin is [step] that outwaits an outage no longer than limit. Error after it: a timeout, or that of
// the last attempt.
func stepWithin[I, O any](ctx workflow.Context, limit time.Duration, summary string, activity func(context.Context, I) (O, error), in I) (O, error) {
	var out O
	err := run(ctx, summary, activity, in, &out, limit)
	return out, err
}

// do is [step] for an activity that answers nothing.
func do[I any](ctx workflow.Context, summary string, activity func(context.Context, I) error, in I) error {
	return run(ctx, summary, activity, in, nil, 0)
}

func run(ctx workflow.Context, summary string, activity, in, out any, limit time.Duration) error {
	if ctx.Err() != nil {
		return temporal.NewCanceledError()
	}
	// The local attempts are short, so they are not cancelled but awaited.
	localCtx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	err := workflow.ExecuteLocalActivity(local(localCtx, summary), activity, in).Get(localCtx, out)
	if err == nil || isFinal(err) {
		return err
	}
	workflow.GetLogger(ctx).Warn("A step goes on as a durable activity.", "step", summary, "error", err)
	if outwaits, ok := ctx.Value(outwaitsKey{}).(*bool); ok {
		*outwaits = true
	}
	return workflow.ExecuteActivity(durable(ctx, summary, limit), activity, in).Get(ctx, out)
}

func local(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    localAttemptTimeout,
		ScheduleToCloseTimeout: localBudget,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: localBackoff, BackoffCoefficient: 2, MaximumAttempts: localAttemptsMax},
		Summary:                summary,
	})
}

// durable sets the options of a step that outwaits an outage, without end when limit is 0.
func durable(ctx workflow.Context, summary string, limit time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    durableAttemptTimeout,
		ScheduleToCloseTimeout: limit,
		WaitForCancellation:    true,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: durableBackoff, BackoffCoefficient: 2, MaximumInterval: durableBackoffMax, MaximumAttempts: durableAttemptsMax,
		},
	})
}

// isFinal reports whether repeating the step would be of no use: it was refused or cancelled.
func isFinal(err error) bool { return refusalCode(err) != "" || temporal.IsCanceledError(err) }

// refusalCode returns the domain's error code of a refused step, and "" for any other error.
func refusalCode(err error) domain.ErrorCode {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.NonRetryable() {
		return domain.ErrorCode(app.Type())
	}
	return ""
}

// refusalMessage returns what a refusal tells people.
func refusalMessage(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return err.Error()
}
