package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
)

func TestWhatAStepReturnsLeavesItInTheSagasTerms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err       error
		code, log string
	}{
		"a refusal":     {domain.Refuse("out_of_stock", "none left"), "out_of_stock", "a step was refused"},
		"invalid input": {domain.Invalids{domain.Invalid("quantity", "is wrong")}, "invalid", "a step was refused"},
		"an outage":     {errors.New("connection reset"), "", "a step failed and is tried again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestActivityEnvironment()
			env.SetWorkerOptions(sdkworker.Options{Interceptors: []interceptor.WorkerInterceptor{
				&stepInterceptor{log: slog.New(slog.NewTextHandler(&out, nil))},
			}})
			step := func(context.Context) error { return c.err }
			env.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: "ReserveStock"})
			_, err := env.ExecuteActivity("ReserveStock")
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, c.code != "", app.NonRetryable())
			if c.code != "" {
				require.Equal(t, c.code, app.Type())
			}
			require.Contains(t, out.String(), c.log)
			require.Contains(t, out.String(), "step=ReserveStock")
		})
	}
}
