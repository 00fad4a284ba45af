package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// CorrectTracking is the input of [Activities.CorrectTracking].
type CorrectTracking struct {
	OrderID        uuid.UUID `json:"order_id"`
	ShipmentID     uuid.UUID `json:"shipment_id"`
	RequestID      uuid.UUID `json:"request_id"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	At             time.Time `json:"at"`
}

// CorrectTracking replaces the carrier and the tracking number of a shipment on its way. Refusals: not_found;
// shipment_not_found; idempotency_key_reused; not_under_way; invalid.
func (a *Activities) CorrectTracking(ctx context.Context, in CorrectTracking) (Moved, error) {
	var out Moved
	st := asked(ctx, "correct-tracking/"+in.RequestID.String(), in.OrderID, in.At)
	err := changeAggregate(ctx, a, orderAggregate, in.OrderID, st, func(o order.Order) ([]domain.Event, error) {
		events, err := order.Correct(o, order.CorrectTracking{
			RequestID: in.RequestID, ShipmentID: in.ShipmentID, Carrier: in.Carrier, TrackingNumber: in.TrackingNumber, At: in.At,
		})
		out = moved(o, events)
		return events, err
	})
	if err != nil {
		return Moved{}, err
	}
	return out, nil
}
