package workflows

import (
	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/sdk/workflow"
)

// StockReceiptSaga records goods that arrived. Refusals: invalid; unknown_location; idempotency_key_reused.
func StockReceiptSaga(ctx workflow.Context, in StockReceipt) (Recorded, error) {
	var a *activities.Activities
	changed, err := runStep(ctx, "Receive stock", a.ReceiveStock, activities.ReceiveStock{
		ReceiptID: in.ReceiptID, SKU: in.SKU, Location: in.Location, Quantity: in.Quantity, At: workflow.Now(ctx),
	})
	signalServed(ctx, changed.Served)
	return Recorded{Replayed: changed.Replayed}, err
}

// StockAdjustmentSaga corrects what is on hand. Refusals: invalid; unknown_location; insufficient_stock;
// idempotency_key_reused.
func StockAdjustmentSaga(ctx workflow.Context, in StockAdjustment) (Recorded, error) {
	var a *activities.Activities
	changed, err := runStep(ctx, "Adjust stock", a.AdjustStock, activities.AdjustStock{
		AdjustmentID: in.AdjustmentID, SKU: in.SKU, Location: in.Location, Delta: in.Delta, Reason: in.Reason, At: workflow.Now(ctx),
	})
	signalServed(ctx, changed.Served)
	return Recorded{Replayed: changed.Replayed}, err
}

// LocationSaga adds or changes a location, and answers with it. At one that is active it serves those who wait for
// goods. Refusals: invalid; unknown_location; location_exists; too_many_locations; idempotency_key_reused.
func LocationSaga(ctx workflow.Context, in LocationChange) (LocationChanged, error) {
	var a *activities.Activities
	changed, err := runStep(ctx, "Change a location", a.ChangeLocation, activities.ChangeLocation{
		RequestID: in.RequestID, Add: in.Add, ID: in.ID, Change: in.Change, At: workflow.Now(ctx),
	})
	signalServed(ctx, changed.Served)
	return LocationChanged{Location: changed.Location, Replayed: changed.Replayed}, err
}
