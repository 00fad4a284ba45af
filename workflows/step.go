package workflows

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Limits of a step. The local attempts fit well into a workflow task (10 s), so that the task need not be kept alive.
// The durable attempts outwait an outage of any length.
const (
	localBudget           = 4 * time.Second
	localAttemptsMax      = 3
	localBackoff          = 50 * time.Millisecond
	durableAttemptTimeout = 30 * time.Second
	durableBackoff        = time.Second
	durableBackoffMax     = time.Minute
	// durableAttemptsMax stands for no end: at one a minute, four thousand years. It is set because the SDK's test
	// environment takes 0 to mean ten.
	durableAttemptsMax = math.MaxInt32
)

// localAttemptTimeout is a variable for the tests alone, which have many steps time out.
var localAttemptTimeout = 2 * time.Second

// runStep runs one activity: first as a local activity with a short budget. When that fails for a reason that may
// pass, the step goes on as an activity of the server with unlimited, backed-off retries.
//
// Errors: a refusal, as an application error whose type is the domain's code; cancellation of ctx. An attempt that was
// cancelled is awaited, so that the compensations know what it did.
func runStep[I, O any](ctx workflow.Context, summary string, activity func(context.Context, I) (O, error), in I) (O, error) {
	var out O
	err := executeStep(ctx, summary, activity, in, &out, 0)
	return out, err
}

// runStepWithin is [runStep] that outwaits an outage no longer than limit. After that its error is a timeout, or the
// last attempt's.
func runStepWithin[I, O any](ctx workflow.Context, limit time.Duration, summary string, activity func(context.Context, I) (O, error), in I) (O, error) {
	var out O
	err := executeStep(ctx, summary, activity, in, &out, limit)
	return out, err
}

// runStepForEffect is [runStep] for an activity that answers nothing.
func runStepForEffect[I any](ctx workflow.Context, summary string, activity func(context.Context, I) error, in I) error {
	return executeStep(ctx, summary, activity, in, nil, 0)
}

func executeStep(ctx workflow.Context, summary string, activity, in, out any, limit time.Duration) error {
	if ctx.Err() != nil {
		return temporal.NewCanceledError()
	}
	// The local attempts are short, so they are not cancelled but awaited.
	localCtx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	watch := watchOf(ctx)
	defer watch.lookIfAccepted()
	err := watch.runLocally(ctx, func() error {
		return workflow.ExecuteLocalActivity(withLocalOptions(localCtx, summary), activity, in).Get(localCtx, out)
	})
	if err == nil || isFinal(err) {
		return err
	}
	workflow.GetLogger(ctx).Warn("A step goes on as a durable activity.", "step", summary, "error", err)
	if outwaits, ok := ctx.Value(outwaitsKey{}).(*bool); ok {
		*outwaits = true
	}
	return watch.outwait(ctx, func() error { return outwaitStep(ctx, summary, activity, in, out, limit, err) })
}

// outwaitStep runs a step as a durable activity after its local attempts have failed with err. Credentials that the
// gateway refuses are an error that the saga has to know, so that people do. The step goes on after it.
func outwaitStep(ctx workflow.Context, summary string, activity, in, out any, limit time.Duration, err error) error {
	begun := workflow.Now(ctx)
	if !refusesCredentials(err) {
		options := withDurableOptions(ctx, summary, limit, string(activities.CodeGatewayCredentials))
		err = workflow.ExecuteActivity(options, activity, in).Get(ctx, out)
	}
	if !refusesCredentials(err) {
		return err
	}
	if limit > 0 {
		if limit -= workflow.Now(ctx).Sub(begun); limit <= 0 {
			return err
		}
	}
	defer showCredentials(ctx)()
	return workflow.ExecuteActivity(withDurableOptions(ctx, summary, limit), activity, in).Get(ctx, out)
}

func withLocalOptions(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    localAttemptTimeout,
		ScheduleToCloseTimeout: localBudget,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: localBackoff, BackoffCoefficient: 2, MaximumAttempts: localAttemptsMax},
		Summary:                summary,
	})
}

// withDurableOptions sets the options of a step that outwaits an outage, without end when limit is 0. Errors of the
// final types end it.
func withDurableOptions(ctx workflow.Context, summary string, limit time.Duration, final ...string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    durableAttemptTimeout,
		ScheduleToCloseTimeout: limit,
		WaitForCancellation:    true,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: durableBackoff, BackoffCoefficient: 2, MaximumInterval: durableBackoffMax, MaximumAttempts: durableAttemptsMax,
			NonRetryableErrorTypes: final,
		},
	})
}

// outwaitsKey is the key of a *bool in a context, which is set when a step goes on as a durable activity.
type outwaitsKey struct{}

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
