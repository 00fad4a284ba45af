package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// DispatchShipment reports that a shipment was handed to the carrier.
type DispatchShipment struct {
	ShipmentID     uuid.UUID
	Carrier        string
	TrackingNumber string
	At             time.Time
}

// Dispatch records that a shipment has left; with the first one the order is shipped.
//
// It returns no events when the shipment has left before. Errors: not_found; shipment_not_found;
// not_dispatchable when the order is not confirmed; [domain.Invalids] as [CheckDispatch].
func Dispatch(o Order, c DispatchShipment) ([]domain.Event, error) {
	switch o.Status {
	case StatusConfirmed, StatusShipped, StatusDelivered:
	case StatusCreated, StatusCancelled:
		return nil, domain.Refuse("not_dispatchable", "order %s is %s", o.Number, o.Status)
	default:
		return nil, notFound(o)
	}
	s, ok := o.Shipment(c.ShipmentID)
	if !ok {
		return nil, domain.Refuse("shipment_not_found", "order %s has no shipment %s", o.Number, c.ShipmentID)
	}
	if s.Status != ShipmentStatusPlanned {
		return nil, nil
	}
	if err := CheckDispatch(c.Carrier, c.TrackingNumber); err != nil {
		return nil, err
	}
	events := []domain.Event{ShipmentDispatched{
		OrderID: o.ID, ShipmentID: c.ShipmentID, Carrier: c.Carrier, TrackingNumber: c.TrackingNumber, DispatchedAt: c.At,
	}}
	if o.Status == StatusConfirmed {
		events = append(events, OrderShipped{OrderID: o.ID, ShippedAt: c.At})
	}
	return events, nil
}

// CheckDispatch names what is wrong with the report of a shipment that was handed over, as
// [domain.Invalids]. Both texts may be empty: some goods leave without a carrier.
func CheckDispatch(carrier, trackingNumber string) error {
	var bad domain.Invalids
	bad.Text("carrier", carrier, TextLengthMax)
	bad.Text("tracking_number", trackingNumber, TextLengthMax)
	return bad.Err()
}
