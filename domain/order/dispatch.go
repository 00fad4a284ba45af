package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Refusals.
const (
	// CodeNotDispatchable refuses the dispatch of a shipment that can not leave.
	CodeNotDispatchable domain.ErrorCode = "not_dispatchable"
	// CodeAlreadyDispatched refuses a dispatch that says something else of a shipment that has left.
	CodeAlreadyDispatched domain.ErrorCode = "already_dispatched"
	// CodeShipmentNotFound refuses a report about a shipment that the order does not have.
	CodeShipmentNotFound domain.ErrorCode = "shipment_not_found"
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
// It returns no events when the shipment has left before, with the same carrier and tracking number. The same are those
// that it has, and those that it had left with. Errors: as [CanDispatch]; already_dispatched when it has left with
// others; [domain.Invalids] as [CheckDispatch].
func Dispatch(o Order, c DispatchShipment) ([]domain.Event, error) {
	if err := CanDispatch(o, c.ShipmentID); err != nil {
		return nil, err
	}
	if s, _ := o.Shipment(c.ShipmentID); s.Status.Left() {
		if !o.carriedAs(s, Tracking{ShipmentID: c.ShipmentID, Carrier: c.Carrier, TrackingNumber: c.TrackingNumber}) {
			return nil, domain.Refuse(CodeAlreadyDispatched, "shipment %s has left with %s, tracking number %s",
				c.ShipmentID, domain.Clip(s.Carrier), domain.Clip(s.TrackingNumber))
		}
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

// CanDispatch says why a shipment can't leave; nil when it can, or has left before: a repeated report is harmless.
// Errors: not_found; shipment_not_found; not_dispatchable when the order is not confirmed, or all of the shipment was
// cancelled.
func CanDispatch(o Order, id uuid.UUID) error {
	s, known := o.Shipment(id)
	switch {
	case o.Status == "":
		return notFound(o)
	case known && s.Status.Left():
		return nil
	case o.Status == StatusCreated || o.Status == StatusCancelled:
		return domain.Refuse(CodeNotDispatchable, "order %s is %s", o.Number, o.Status)
	case !known:
		return shipmentNotFound(o, id)
	case s.Status == ShipmentStatusCancelled:
		return domain.Refuse(CodeNotDispatchable, "everything in shipment %s was cancelled", id)
	}
	return nil
}

func shipmentNotFound(o Order, id uuid.UUID) error {
	return domain.Refuse(CodeShipmentNotFound, "order %s has no shipment %s", o.Number, id)
}

// CheckDispatch names what is wrong with the report of a shipment that was handed over, as
// [domain.Invalids]. Both texts may be empty: some goods leave without a carrier.
func CheckDispatch(carrier, trackingNumber string) error {
	var bad domain.Invalids
	bad.Text("carrier", carrier, TextLengthMax)
	bad.Text("tracking_number", trackingNumber, TextLengthMax)
	return bad.Err()
}
