package activities

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
)

// ReleaseStock is the input of [Activities.ReleaseStock].
type ReleaseStock struct {
	OrderID uuid.UUID `json:"order_id"`
	// Lines are those of the order: where their goods lie is found again.
	Lines  []inventory.Line `json:"lines"`
	Reason string           `json:"reason"`
	// Fence is set when an attempt to reserve may still be under way.
	Fence bool `json:"fence,omitempty"`
	// Waiting releases nothing of an order whose goods are all reserved: it does not wait, and may have gone on.
	Waiting bool      `json:"waiting,omitempty"`
	At      time.Time `json:"at"`
}

// ReleaseStock frees what is reserved for an order, and ends its waiting. It does nothing when there is nothing to end.
func (a *Activities) ReleaseStock(ctx context.Context, in ReleaseStock) (Served, error) {
	o, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return Served{}, err
	}
	// An edit may have brought goods to the order of which the caller does not know.
	in.Lines = append(slices.Clone(in.Lines), order.Lines(o.Items)...)
	if o.Editing != nil {
		in.Lines = append(in.Lines, order.Lines(o.Editing.Add)...)
	}
	return a.changeStock(ctx, stamp(ctx, "release-stock", in.OrderID, in.At), stockOf(o, in.Lines), func(s supply) (changed bool, err error) {
		if before := s.reservedFor(in.OrderID, inventory.SKUs(in.Lines)); in.Waiting && len(before.Allocations) > 0 && !before.Waiting {
			return false, nil
		}
		release := inventory.ReleaseStock{OrderID: in.OrderID, Reason: in.Reason, Fence: in.Fence, At: in.At}
		for _, release.SKU = range inventory.SKUs(in.Lines) {
			for _, release.Location = range s.locations {
				events := inventory.Release(s.item(release.SKU, release.Location), release)
				s.record(release.SKU, release.Location, events...)
				changed = changed || len(events) > 0
			}
			release.Location = ""
			events := inventory.Release(s.queue(release.SKU), release)
			s.recordQueue(release.SKU, events...)
			changed = changed || len(events) > 0
		}
		return changed, nil
	})
}
