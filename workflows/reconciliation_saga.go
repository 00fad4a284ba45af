package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/api/enums/v1"
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

// ReconciliationInput starts a [ReconciliationSaga]. The schedule gives none.
type ReconciliationInput struct {
	// OrderID is the one order whose payment is compared; zero for all.
	OrderID uuid.UUID `json:"order_id,omitzero"`
	// From and To bound the time in which payments changed. Zero is the last day, up to a quarter of an hour ago.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Reconciliation is what a [ReconciliationSaga] answers.
type Reconciliation = activities.Reconciled

// ReconciliationSaga compares the gateway's ledger with the payment streams, both ways. What only the gateway knows of
// becomes events, and the sagas of those orders look at their payments. What differs still is recorded. A Temporal
// Schedule starts it every night, and "orderloom reconcile" on demand.
//
// It answers what it has adopted and what differs, and may be repeated. Refusals: not_found; ledger_out_of_reach.
func ReconciliationSaga(ctx workflow.Context, in ReconciliationInput) (Reconciliation, error) {
	var a *activities.Activities
	if in.To.IsZero() {
		in.To = workflow.Now(ctx).Add(-reconciliationDelay).Truncate(time.Minute)
	}
	if in.From.IsZero() {
		in.From = in.To.Add(-reconciliationSpan)
	}
	stepCtx := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: reconciliationTimeout, HeartbeatTimeout: reconciliationHeartbeat, Summary: "Compare the gateway's ledger with the payments",
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Minute, BackoffCoefficient: 2, MaximumInterval: 30 * time.Minute},
	})
	var before, out activities.Reconciled
	for more := true; more; more = out.More {
		out = activities.Reconciled{}
		step := activities.ReconcilePayments{From: in.From, To: in.To, OrderID: in.OrderID}
		if err := workflow.ExecuteActivity(stepCtx, a.ReconcilePayments, step).Get(ctx, &out); err != nil {
			return before, err
		}
		for _, changed := range out.Changed {
			tellReconciled(ctx, changed)
		}
		out = out.After(before)
		before = out
	}
	return out, nil
}

// tellReconciled lets the sagas of an order go on from what became known of its payment.
func tellReconciled(ctx workflow.Context, c activities.ChangedPayment) {
	tellOrder(ctx, c.OrderID)
	if c.Awaited {
		err := workflow.SignalExternalWorkflow(ctx, PaymentSagaID(c.OrderID), "", PaymentUpdated, PaymentUpdate{}).Get(ctx, nil)
		if err != nil {
			workflow.GetLogger(ctx).Info("Nobody waits for a payment that is decided.", "order_id", c.OrderID, "error", err)
		}
	}
	for _, id := range c.Refunds {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: "refund-" + id.String() + "-reconciled", ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
			StaticSummary: "Carries on with a refund that a reconciliation has found",
		})
		input := RefundInput{OrderID: c.OrderID, RefundID: id}
		if err := workflow.ExecuteChildWorkflow(child, RefundSaga, input).GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("A refund is carried on with already.", "refund_id", id, "error", err)
		}
	}
}
