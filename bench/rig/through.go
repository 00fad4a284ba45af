package rig

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Through takes an order from its placing to its end.
func (s *Shop) Through(ctx context.Context, w *Watch, o Order) (uuid.UUID, error) {
	id, err := s.Place(ctx, o)
	if err != nil {
		return id, err
	}
	if err := w.Reached(ctx, id, "confirmed"); err != nil {
		return id, err
	}
	shown, err := s.Get(ctx, id)
	if err != nil {
		return id, err
	}
	for _, shipment := range shown.Shipments {
		if err := s.Dispatch(ctx, id, shipment.ShipmentID); err != nil {
			return id, err
		}
	}
	if err := w.Reached(ctx, id, "shipped"); err != nil {
		return id, err
	}
	for _, shipment := range shown.Shipments {
		if err := s.Deliver(ctx, id, shipment.ShipmentID); err != nil {
			return id, fmt.Errorf("deliver order %s: %w", id, err)
		}
	}
	return id, w.Closed(ctx, id, "delivered")
}
