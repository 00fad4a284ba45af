package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// InventoryInput starts an [InventorySaga].
type InventoryInput struct {
	OrderID       uuid.UUID        `json:"order_id"`
	Lines         []inventory.Line `json:"lines"`
	ShipToCountry string           `json:"ship_to_country"`
	// Backorder lets the saga wait for goods that are not there.
	Backorder bool `json:"backorder,omitempty"`
	// Deadline is [Deadlines.Stock].
	Deadline time.Duration `json:"deadline,omitempty"`
}

// InventorySagaID is the workflow id of an order's stock when it is an execution of its own.
func InventorySagaID(orderID uuid.UUID) string { return "inventory-" + orderID.String() }

// InventorySaga reserves the goods of an order and waits for those that are backordered, up to its deadline. It answers
// where the goods lie. When it fails or is cancelled, nothing stays reserved.
//
// The signal [StockServed] tells it that goods were reserved for it. Refusals: out_of_stock; stock_deadline.
func InventorySaga(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	var undo compensations
	reserved, err := reserveStock(ctx, in, activities.Reserved{}, &undo)
	if err == nil && reserved.Waiting {
		reserved, err = awaitStock(ctx, in)
	}
	if err != nil {
		if undoErr := undo.compensate(ctx); undoErr != nil {
			return activities.Reserved{}, undoErr
		}
	}
	return reserved, err
}

// secureStockInline is [InventorySaga] within the order's execution, as long as nothing is backordered. When goods
// have to be waited for, the saga goes on as an execution of its own.
//
// Early is what was reserved when the order was placed. BeforeWaiting is called before goods are waited for.
func secureStockInline(
	ctx workflow.Context, in InventoryInput, early activities.Reserved, undo *compensations, beforeWaiting func() error,
) (activities.Reserved, error) {
	reserved, err := reserveStock(ctx, in, early, undo)
	if err != nil || !reserved.Waiting {
		return reserved, err
	}
	if err := beforeWaiting(); err != nil {
		return reserved, err
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: InventorySagaID(in.OrderID),
		// One that is still there is of an earlier saga of the order: this one goes on from the events.
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING, //nolint:staticcheck // a child has no conflict policy yet
		WaitForCancellation:   true,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_TERMINATE, // nothing is undone: the next run starts another one
		StaticSummary:         "Waits for backordered goods",
	})
	err = runChild(ctx, InventorySaga, in.Deadline, func(left time.Duration) InventoryInput { in.Deadline = left; return in }, &reserved)
	return reserved, err
}

// reserveStock pushes the release of the stock as a compensation and reserves the stock, unless that was done early.
func reserveStock(ctx workflow.Context, in InventoryInput, early activities.Reserved, undo *compensations) (activities.Reserved, error) {
	fence := true
	undo.push(func(ctx workflow.Context) error { return releaseStock(ctx, in, fence) })
	if len(early.Allocations) > 0 {
		fence = false
		return early, nil
	}
	reserved, err := runReserveStock(ctx, in)
	// With an answer, no attempt is under way any more that would have to be fenced off.
	fence = err != nil && refusalCode(err) == ""
	return reserved, err
}

func runReserveStock(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	var a *activities.Activities
	return runStep(ctx, "Reserve stock", a.ReserveStock, activities.ReserveStock{
		OrderID: in.OrderID, Lines: in.Lines, ShipToCountry: in.ShipToCountry, Backorder: in.Backorder, At: workflow.Now(ctx),
	})
}

func releaseStock(ctx workflow.Context, in InventoryInput, fence bool) error {
	var a *activities.Activities
	served, err := runStep(ctx, "Release the stock", a.ReleaseStock, activities.ReleaseStock{
		OrderID: in.OrderID, Lines: in.Lines, Reason: "order_cancelled", Fence: fence, At: workflow.Now(ctx),
	})
	signalServed(ctx, served)
	return err
}

// awaitStock waits until nothing is backordered any more. It looks at the stock itself each time, so that a signal
// which came before or twice does no harm.
func awaitStock(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	workflow.SetCurrentDetails(ctx, "Waiting for backordered goods.")
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	deadline := workflow.NewTimerWithOptions(timerCtx, orUnset(in.Deadline), workflow.TimerOptions{Summary: "stock deadline"})
	served := workflow.GetSignalChannel(ctx, StockServed)
	for {
		reserved, err := runReserveStock(ctx, in)
		if err != nil || !reserved.Waiting {
			return reserved, err
		}
		err = workflow.Await(ctx, func() bool { return served.Len() > 0 || deadline.IsReady() })
		if ctx.Err() != nil { // which ends the deadline's timer as well
			return activities.Reserved{}, temporal.NewCanceledError()
		}
		if err != nil {
			return activities.Reserved{}, err
		}
		if !served.ReceiveAsync(nil) && deadline.IsReady() {
			return activities.Reserved{}, refuseOrder(order.ReasonStockDeadline, "the goods did not come in time")
		}
	}
}

// signalServed wakes the sagas whose backorders were served. A saga that has ended meanwhile needs no signal, and any
// other finds out by itself at its deadline. So errors are only logged.
func signalServed(ctx workflow.Context, served activities.Served) {
	for _, id := range served.Orders {
		if err := workflow.SignalExternalWorkflow(ctx, InventorySagaID(id), "", StockServed, nil).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("Nobody waits for goods that were served.", "order_id", id.String(), "error", err)
		}
	}
}
