package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

// InventoryInput starts an [InventorySaga].
type InventoryInput struct {
	OrderID       uuid.UUID        `json:"order_id"`
	Lines         []inventory.Line `json:"lines"`
	ShipToCountry string           `json:"ship_to_country"`
}

// InventorySaga reserves the goods of an order, all lines or none, and answers where they lie. When
// it fails or is cancelled, nothing stays reserved.
//
// Refusal: out_of_stock.
func InventorySaga(ctx workflow.Context, in InventoryInput) (activities.Reserved, error) {
	var undo compensations
	reserved, err := reserve(ctx, in, &undo)
	if err != nil {
		if undoErr := undo.run(ctx); undoErr != nil {
			return activities.Reserved{}, undoErr
		}
	}
	return reserved, err
}

// reserve is the saga's code, run inline by the order or by [InventorySaga] in an execution of its own.
func reserve(ctx workflow.Context, in InventoryInput, undo *compensations) (activities.Reserved, error) {
	var a *activities.Activities
	fence := true
	undo.push(func(ctx workflow.Context) error {
		return do(ctx, "Release the stock", a.ReleaseStock, activities.ReleaseStock{
			OrderID: in.OrderID, Lines: in.Lines, Reason: "order_cancelled", Fence: fence, At: workflow.Now(ctx),
		})
	})
	reserved, err := step(ctx, "Reserve stock", a.ReserveStock, activities.ReserveStock{
		OrderID: in.OrderID, Lines: in.Lines, ShipToCountry: in.ShipToCountry, At: workflow.Now(ctx),
	})
	// With an answer no attempt is under way any more that would have to be fenced off.
	fence = err != nil && refusalCode(err) == ""
	return reserved, err
}

// lines returns what an order wants of each SKU.
func lines(items []order.Item) []inventory.Line {
	out := make([]inventory.Line, len(items))
	for i, item := range items {
		out[i] = inventory.Line{SKU: item.SKU, Quantity: item.Quantity}
	}
	return out
}

// StockReceiptSaga records goods that arrived. Refusals: invalid; unknown_location.
func StockReceiptSaga(ctx workflow.Context, in StockReceipt) error {
	var a *activities.Activities
	return do(ctx, "Receive stock", a.ReceiveStock, activities.ReceiveStock{
		ReceiptID: in.ReceiptID, SKU: in.SKU, Location: in.Location, Quantity: in.Quantity, At: workflow.Now(ctx),
	})
}

// StockAdjustmentSaga corrects what is on hand. Refusals: invalid; unknown_location;
// insufficient_stock.
func StockAdjustmentSaga(ctx workflow.Context, in StockAdjustment) error {
	var a *activities.Activities
	return do(ctx, "Adjust stock", a.AdjustStock, activities.AdjustStock{
		AdjustmentID: in.AdjustmentID, SKU: in.SKU, Location: in.Location, Delta: in.Delta, Reason: in.Reason, At: workflow.Now(ctx),
	})
}
