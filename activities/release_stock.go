package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
)

// ReleaseStock is the input of [Activities.ReleaseStock].
type ReleaseStock struct {
	OrderID uuid.UUID `json:"order_id"`
	// Lines are those of the order: where their goods lie is found again.
	Lines  []inventory.Line `json:"lines"`
	Reason string           `json:"reason"`
	// Fence is set when an attempt to reserve may still be under way.
	Fence bool      `json:"fence,omitempty"`
	At    time.Time `json:"at"`
}

// ReleaseStock frees what is reserved for an order. It does nothing when nothing is.
func (a *Activities) ReleaseStock(ctx context.Context, in ReleaseStock) (Served, error) {
	o, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return Served{}, err
	}
	return a.changeStock(ctx, stamp(ctx, "release-stock", in.OrderID, in.At), a.stockItems(o, in.Lines), func(tx *eventstore.Tx) error {
		for _, sku := range inventory.SKUs(in.Lines) {
			for _, location := range a.stockLocations(o) {
				id := inventory.ID(sku, location)
				eventstore.Record(tx, stockAggregate, id, inventory.Release(eventstore.State(tx, stockAggregate, id), inventory.ReleaseStock{
					SKU: sku, Location: location, OrderID: in.OrderID, Reason: in.Reason, Fence: in.Fence, At: in.At,
				})...)
			}
		}
		return nil
	})
}
