package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// CodeNotUnderWay refuses to correct the tracking of a shipment that has not left, or has ended.
const CodeNotUnderWay domain.ErrorCode = "not_under_way"

// CorrectTracking reports that a shipment on its way has another carrier or tracking number than was told.
type CorrectTracking struct {
	RequestID      uuid.UUID
	ShipmentID     uuid.UUID
	Carrier        string
	TrackingNumber string
	At             time.Time
}

// Correct replaces the carrier and the tracking number of a shipment on its way. It returns no events when the shipment
// has these already. It returns none for a request that was carried out before: a late retry must not bring old ones
// back.
//
// Errors: idempotency_key_reused when another request was carried out under the same id; as [CanCorrect]; invalid
// without an id or as [CheckDispatch].
func Correct(o Order, c CorrectTracking) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if done, err := o.CarriedOut(c.Request()); done || err != nil {
		return nil, err
	}
	if s, ok := o.Shipment(c.ShipmentID); ok && s.Status.Left() && s.Carrier == c.Carrier && s.TrackingNumber == c.TrackingNumber {
		return nil, nil
	}
	if err := CanCorrect(o, c.ShipmentID); err != nil {
		return nil, err
	}
	if c.RequestID == uuid.Nil {
		return nil, domain.Invalids{domain.Invalid("request_id", "is required")}
	}
	if err := CheckDispatch(c.Carrier, c.TrackingNumber); err != nil {
		return nil, err
	}
	return []domain.Event{ShipmentTrackingCorrected{
		OrderID: o.ID, ShipmentID: c.ShipmentID, RequestID: c.RequestID,
		Carrier: c.Carrier, TrackingNumber: c.TrackingNumber, CorrectedAt: c.At,
	}}, nil
}

// CanCorrect says why the tracking of a shipment can't be corrected; nil when it can. Errors: not_found;
// shipment_not_found; not_under_way when the shipment has not left, or has ended.
func CanCorrect(o Order, id uuid.UUID) error {
	if o.Status == "" {
		return notFound(o)
	}
	switch s, ok := o.Shipment(id); {
	case !ok:
		return shipmentNotFound(o, id)
	case s.Status != ShipmentStatusDispatched:
		return domain.Refuse(CodeNotUnderWay, "shipment %s is %s, not under way", id, s.Status)
	}
	return nil
}

// Request is over the shipment and what it is to have.
func (c CorrectTracking) Request() Request {
	return Request{
		ID: c.RequestID, Content: domain.DerivedID(c.RequestID, fmt.Sprintf("tracking %s %q %q", c.ShipmentID, c.Carrier, c.TrackingNumber)),
	}
}

// request is the one that the event carries out.
func (e ShipmentTrackingCorrected) request() Request {
	return CorrectTracking{
		RequestID: e.RequestID, ShipmentID: e.ShipmentID, Carrier: e.Carrier, TrackingNumber: e.TrackingNumber,
	}.Request()
}

// withTracking replaces what a shipment has, and keeps what it had left with.
func (o Order) withTracking(e ShipmentTrackingCorrected) Order {
	o = o.Clone().withRequest(e.request())
	s := o.shipment(e.ShipmentID)
	if s == nil {
		return o
	}
	if !slices.ContainsFunc(o.Reported, func(t Tracking) bool { return t.ShipmentID == e.ShipmentID }) {
		o.Reported = append(o.Reported, s.tracking())
	}
	s.Carrier, s.TrackingNumber = e.Carrier, e.TrackingNumber
	return o
}

// carriedAs reports whether a shipment has this carrier and tracking number, or had left with them.
func (o Order) carriedAs(s Shipment, t Tracking) bool {
	return s.tracking() == t || slices.Contains(o.Reported, t)
}

func (s Shipment) tracking() Tracking {
	return Tracking{ShipmentID: s.ShipmentID, Carrier: s.Carrier, TrackingNumber: s.TrackingNumber}
}
