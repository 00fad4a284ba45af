package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Refusals of the end of a shipment.
const (
	// CodeNotDeliverable refuses the end of a shipment that has not left.
	CodeNotDeliverable domain.ErrorCode = "not_deliverable"
	// CodeAlreadyEnded refuses another end of a shipment that has ended: one that has arrived is not lost.
	CodeAlreadyEnded domain.ErrorCode = "already_ended"
)

// DeliverShipment reports that a shipment has arrived.
type DeliverShipment struct {
	ShipmentID uuid.UUID
	At         time.Time
}

// Deliver records that a shipment has arrived; when it was the last one under way, the order is
// delivered.
//
// It returns no events when the shipment has arrived before. Errors: as [CanEndShipment]; already_ended when it has
// ended otherwise.
func Deliver(o Order, c DeliverShipment) ([]domain.Event, error) {
	return endShipment(o, c.ShipmentID, ShipmentStatusDelivered, c.At)
}

// LoseShipment reports that the carrier has lost a shipment.
type LoseShipment struct {
	ShipmentID uuid.UUID
	At         time.Time
}

// Lose records that a shipment is lost. What it cost is to be refunded. Otherwise it is as [Deliver];
// an order of which no shipment arrived is cancelled as undeliverable.
func Lose(o Order, c LoseShipment) ([]domain.Event, error) {
	return endShipment(o, c.ShipmentID, ShipmentStatusLost, c.At)
}

// RefuseShipment reports that the recipient did not take a shipment, and that it has come back.
type RefuseShipment struct {
	ShipmentID uuid.UUID
	At         time.Time
}

// Refuse records that a shipment has come back. What it cost is to be refunded, and the goods go
// back to their location. Otherwise it is as [Lose].
func Refuse(o Order, c RefuseShipment) ([]domain.Event, error) {
	return endShipment(o, c.ShipmentID, ShipmentStatusRefused, c.At)
}

// CanEndShipment says why a shipment can't have been delivered, lost or refused; nil when it can, or has ended
// before. A repeated report is harmless.
//
// Errors: not_found; shipment_not_found; not_deliverable when the shipment has not left, because it is planned or all
// of it was cancelled.
func CanEndShipment(o Order, id uuid.UUID) error {
	if o.Status == "" {
		return notFound(o)
	}
	switch s, ok := o.Shipment(id); {
	case !ok:
		return shipmentNotFound(o, id)
	case !s.Status.Left():
		return domain.Refuse(CodeNotDeliverable, "shipment %s has not left", id)
	}
	return nil
}

func endShipment(o Order, id uuid.UUID, end ShipmentStatus, at time.Time) ([]domain.Event, error) {
	if err := CanEndShipment(o, id); err != nil {
		return nil, err
	}
	if s, _ := o.Shipment(id); s.Status.Ended() {
		if s.Status != end {
			return nil, domain.Refuse(CodeAlreadyEnded, "shipment %s is %s", id, s.Status)
		}
		return nil, nil
	}
	var events []domain.Event
	switch end {
	case ShipmentStatusLost:
		events = append(events, ShipmentLost{OrderID: o.ID, ShipmentID: id, LostAt: at})
	case ShipmentStatusRefused:
		events = append(events, ShipmentRefused{OrderID: o.ID, ShipmentID: id, RefusedAt: at})
	default:
		events = append(events, ShipmentDelivered{OrderID: o.ID, ShipmentID: id, DeliveredAt: at})
	}
	o = o.Clone()
	o.setShipment(id, end)
	return append(events, o.end(at)...), nil
}

// end returns how an order ends whose shipments have all ended; no events while one has not. The order is delivered
// when one shipment was, and else cancelled as undeliverable.
func (o Order) end(at time.Time) []domain.Event {
	arrived := false
	for _, s := range o.Shipments {
		if !s.Status.Ended() {
			return nil
		}
		arrived = arrived || s.Status == ShipmentStatusDelivered
	}
	if arrived {
		return []domain.Event{OrderDelivered{OrderID: o.ID, DeliveredAt: at}}
	}
	return []domain.Event{OrderCancelled{OrderID: o.ID, Reason: ReasonUndeliverable, CancelledBy: BySystem, CancelledAt: at}}
}
