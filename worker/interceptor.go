package worker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
)

// stepInterceptor runs around every step. Whatever a step returns leaves it in the sagas' terms. A step that fails is
// logged with what an operator needs to find it. Tracing and metrics come with the client's interceptors and metrics
// handler.
type stepInterceptor struct {
	interceptor.WorkerInterceptorBase
	log *slog.Logger
}

// InterceptActivity implements [interceptor.WorkerInterceptor].
func (i *stepInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &interceptedStep{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, log: i.log}
}

type interceptedStep struct {
	interceptor.ActivityInboundInterceptorBase
	log *slog.Logger
}

// ExecuteActivity runs the step. A refusal is an outcome like any other and logged as such; only what is
// retried is a warning.
func (s *interceptedStep) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	out, err := s.Next.ExecuteActivity(ctx, in)
	if err == nil {
		return out, nil
	}
	err = activities.Refusal(err)
	info := activity.GetInfo(ctx)
	attributes := []any{
		"workflow_id", info.WorkflowExecution.ID, "step", info.ActivityType.Name, "attempt", info.Attempt, "durable", !info.IsLocalActivity,
	}
	var refusal *temporal.ApplicationError
	if errors.As(err, &refusal) && refusal.NonRetryable() {
		s.log.InfoContext(ctx, "a step was refused", append(attributes, "code", refusal.Type())...)
	} else {
		if !info.IsLocalActivity && info.Attempt >= stuckAttempts {
			activity.GetMetricsHandler(ctx).Counter(stuckStepsMetric).Inc(1)
		}
		s.log.WarnContext(ctx, "a step failed and is tried again", append(attributes, "error", err)...)
	}
	return out, err
}

const (
	// stuckAttempts is the failed attempt from which on a durable step counts as stuck: after ten minutes.
	stuckAttempts = 16
	// stuckStepsMetric counts the failed attempts of stuck steps, by the SDK's label activity_type.
	stuckStepsMetric = "orderloom_stuck_steps_total"
)
