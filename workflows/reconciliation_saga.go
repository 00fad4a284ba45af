package workflows

import (
	"time"

	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The nightly reconciliation: when it runs, and what it looks at. The time overlaps with that of the
// night before, so that a night which came late leaves no gap.
const (
	ReconciliationScheduleID = "nightly-reconciliation"
	ReconciliationCron       = "0 3 * * *" // UTC
	reconciliationSpan       = 26 * time.Hour
	reconciliationDelay      = 15 * time.Minute
	reconciliationTimeout    = 2 * time.Hour
	reconciliationHeartbeat  = 5 * time.Minute
)

// ReconciliationSaga compares the gateway's ledger of the last day with the payment streams, and
// records differences as events. A Temporal Schedule starts it every night.
func ReconciliationSaga(ctx workflow.Context) (activities.Reconciled, error) {
	var a *activities.Activities
	to := workflow.Now(ctx).Add(-reconciliationDelay).Truncate(time.Minute)
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: reconciliationTimeout, HeartbeatTimeout: reconciliationHeartbeat, Summary: "Compare the gateway's ledger with the payments",
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Minute, BackoffCoefficient: 2, MaximumInterval: 30 * time.Minute},
	})
	var out activities.Reconciled
	err := workflow.ExecuteActivity(ctx, a.ReconcilePayments, activities.ReconcilePayments{From: to.Add(-reconciliationSpan), To: to}).Get(ctx, &out)
	return out, err
}
