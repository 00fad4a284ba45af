package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
)

// AdjustStock is the input of [Activities.AdjustStock].
type AdjustStock struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
	At           time.Time `json:"at"`
}

// AdjustStock corrects what is on hand. Refusals: invalid; idempotency_key_reused; unknown_location;
// insufficient_stock.
func (a *Activities) AdjustStock(ctx context.Context, in AdjustStock) (StockChanged, error) {
	return a.changeStockItem(ctx, stamp(ctx, "adjust-stock", uuid.Nil, in.At), in.SKU, in.Location, func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Adjust(s, inventory.AdjustStock{
			SKU: in.SKU, Location: in.Location, AdjustmentID: in.AdjustmentID, Delta: in.Delta, Reason: in.Reason, At: in.At,
		})
	})
}
