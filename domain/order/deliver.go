package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// DeliverShipment reports that a parcel has arrived.
type DeliverShipment struct {
	ShipmentID uuid.UUID
	At         time.Time
}

// Deliver records that a parcel has arrived; with the last one the order is delivered.
//
// It returns no events when the parcel has arrived before. Errors: not_found; shipment_not_found;
// not_deliverable when the parcel has not left.
func Deliver(o Order, c DeliverShipment) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	s, ok := o.Shipment(c.ShipmentID)
	switch {
	case !ok:
		return nil, domain.Refuse("shipment_not_found", "order %s has no shipment %s", o.Number, c.ShipmentID)
	case s.Status == ShipmentPlanned:
		return nil, domain.Refuse("not_deliverable", "shipment %s has not left yet", c.ShipmentID)
	case s.Status == ShipmentAtCustomer:
		return nil, nil
	}
	events := []domain.Event{ShipmentDelivered{OrderID: o.ID, ShipmentID: c.ShipmentID, DeliveredAt: c.At}}
	for _, other := range o.Shipments {
		if other.ShipmentID != c.ShipmentID && other.Status != ShipmentAtCustomer {
			return events, nil
		}
	}
	return append(events, OrderDelivered{OrderID: o.ID, DeliveredAt: c.At}), nil
}
