package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/sdk/workflow"
)

// StockReceiptSaga records goods that arrived. Refusals: invalid; unknown_location.
func StockReceiptSaga(ctx workflow.Context, in StockReceipt) error {
	var a *activities.Activities
	served, err := runStep(ctx, "Receive stock", a.ReceiveStock, activities.ReceiveStock{
		ReceiptID: in.ReceiptID, SKU: in.SKU, Location: in.Location, Quantity: in.Quantity, At: workflow.Now(ctx),
	})
	signalServed(ctx, served)
	return err
}

// StockAdjustmentSaga corrects what is on hand. Refusals: invalid; unknown_location; insufficient_stock.
func StockAdjustmentSaga(ctx workflow.Context, in StockAdjustment) error {
	var a *activities.Activities
	served, err := runStep(ctx, "Adjust stock", a.AdjustStock, activities.AdjustStock{
		AdjustmentID: in.AdjustmentID, SKU: in.SKU, Location: in.Location, Delta: in.Delta, Reason: in.Reason, At: workflow.Now(ctx),
	})
	signalServed(ctx, served)
	return err
}
