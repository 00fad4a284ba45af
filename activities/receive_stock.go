package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
)

// ReceiveStock is the input of [Activities.ReceiveStock].
type ReceiveStock struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	Quantity  int       `json:"quantity"`
	At        time.Time `json:"at"`
}

// ReceiveStock records goods that arrived. Refusals: invalid; idempotency_key_reused; unknown_location.
func (a *Activities) ReceiveStock(ctx context.Context, in ReceiveStock) (StockChanged, error) {
	return a.changeStockItem(ctx, stamp(ctx, "receive-stock", uuid.Nil, in.At), in.SKU, in.Location, func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Receive(s, inventory.ReceiveStock{SKU: in.SKU, Location: in.Location, ReceiptID: in.ReceiptID, Quantity: in.Quantity, At: in.At})
	})
}
