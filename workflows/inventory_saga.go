package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
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
	// DueAt is when the deadline ends by the order's clock, and Ahead as in [order.Clock].
	DueAt time.Time     `json:"due_at,omitzero"`
	Ahead time.Duration `json:"ahead,omitempty"`
	// giveUp lets the compensation release the goods only while some of them are missing.
	giveUp bool
}

// InventorySagaID is the workflow id of an order's stock when it is an execution of its own.
func InventorySagaID(orderID uuid.UUID) string { return "inventory-" + orderID.String() }

// InventorySaga reserves the goods of an order and waits for those that are backordered, up to its deadline. It answers
// where the goods lie. When it fails or is cancelled while goods are missing, nothing stays reserved. Goods that are
// all there are its order's, whose saga goes on with them.
//
// The signal [StockServed] tells it that goods were reserved for it. It outlives the run of the order's saga that has
// started it, see [OrderWaits]. Refusals: out_of_stock; stock_deadline.
func InventorySaga(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	ctx = withClock(ctx, &orderClock{ahead: in.Ahead})
	reserved, err := waitForStock(ctx, in)
	tellWaitingOrder(ctx, in.OrderID, err)
	return reserved, err
}

func waitForStock(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	var undo compensations
	in.giveUp = true
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
	begun := now(ctx)
	deadline := orUnset(in.Deadline)
	withLeft := func(left time.Duration) InventoryInput {
		in.Deadline, in.DueAt, in.Ahead = left, now(ctx).Add(left), clockOf(ctx).ahead
		return in
	}
	reserved, err := reserveStock(ctx, in, early, undo)
	for err == nil && reserved.Waiting {
		if err := beforeWaiting(); err != nil {
			return reserved, err
		}
		var answer activities.Reserved
		left := max(deadline-now(ctx).Sub(begun), time.Millisecond)
		survivor, childErr := runChild(ctx, child{
			id: InventorySagaID(in.OrderID), summary: "Waits for backordered goods", saga: InventorySaga, timer: order.TimerStock,
		}, left, withLeft, &answer)
		if childErr != nil || survivor == nil {
			return answer, childErr
		}
		reserved, err = runReserveStock(ctx, in)
		err = closedBySurvivor(survivor, err, inventory.CodeReservationClosed)
	}
	return reserved, err
}

// reserveStock pushes the release of the stock as a compensation and reserves the stock, unless that was done early.
func reserveStock(ctx workflow.Context, in InventoryInput, early activities.Reserved, undo *compensations) (activities.Reserved, error) {
	fence := true
	// region undo
	undo.push(func(ctx workflow.Context) error { return releaseStock(ctx, in, fence) })
	// endregion
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
		OrderID: in.OrderID, Lines: in.Lines, ShipToCountry: in.ShipToCountry, Backorder: in.Backorder, At: now(ctx),
	})
}

func releaseStock(ctx workflow.Context, in InventoryInput, fence bool) error {
	var a *activities.Activities
	served, err := runStep(ctx, "Release the stock", a.ReleaseStock, activities.ReleaseStock{
		OrderID: in.OrderID, Lines: in.Lines, Reason: "order_cancelled", Fence: fence, Waiting: in.giveUp, At: now(ctx),
	})
	signalServed(ctx, served)
	return err
}

// awaitStock waits until nothing is backordered any more. It looks at the stock itself each time, so that a signal
// which came before or twice does no harm. It looks at the deadline too, since a signal may have been lost.
func awaitStock(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	workflow.SetCurrentDetails(ctx, "Waiting for backordered goods.")
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	deadline := workflow.NewTimerWithOptions(timerCtx, orUnset(in.Deadline), workflow.TimerOptions{Summary: "stock deadline"})
	served, clock := workflow.GetSignalChannel(ctx, StockServed), workflow.GetSignalChannel(ctx, ClockAdvanced)
	for advanced := false; ; {
		late := deadline.IsReady() || advanced && !now(ctx).Before(in.DueAt)
		reserved, err := runReserveStock(ctx, in)
		switch {
		case err != nil || !reserved.Waiting:
			return reserved, err
		case late:
			return activities.Reserved{}, refuseOrder(order.ReasonStockDeadline, "the goods did not come in time")
		}
		err = workflow.Await(ctx, func() bool { return served.Len() > 0 || deadline.IsReady() || clock.Len() > 0 })
		if ctx.Err() != nil { // which ends the deadline's timer as well
			return activities.Reserved{}, temporal.NewCanceledError()
		}
		if err != nil {
			return activities.Reserved{}, err
		}
		served.ReceiveAsync(nil)
		if clock.Len() > 0 {
			if err := takeClock(ctx, in.OrderID); err != nil {
				return activities.Reserved{}, err
			}
			advanced = true
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
