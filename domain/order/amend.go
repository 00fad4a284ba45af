package order

import (
	"bytes"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// AmendAddress asks to send the order elsewhere within the same country: another country may mean
// another location and another price.
type AmendAddress struct {
	RequestID uuid.UUID
	// RequestHash stands for what is asked, which is sealed anew each time.
	RequestHash string
	Country     string
	Personal    domain.Sealed
	By          string
	At          time.Time
}

// Amend replaces the address. It returns no events when the order has that address already, or had it by this very
// request, which comes late and must not bring the old address back. Errors: not_found; idempotency_key_reused when another
// request was carried out under the same id; not_amendable once a shipment has left or the order is cancelled;
// country_fixed; invalid without an id, an address or a name of who did it.
func Amend(o Order, c AmendAddress) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if done, err := o.CarriedOut(c.Request()); done || err != nil {
		return nil, err
	}
	switch {
	case o.Status != StatusCreated && o.Status != StatusConfirmed:
		return nil, domain.Refuse("not_amendable", "order %s is %s", o.Number, o.Status)
	case c.Country != o.ShipToCountry:
		return nil, domain.Refuse("country_fixed", "order %s goes to %s: place a new order for another country", o.Number, o.ShipToCountry)
	}
	if c.Personal.Key == o.Personal.Key && bytes.Equal(c.Personal.Data, o.Personal.Data) {
		return nil, nil
	}
	var bad domain.Invalids
	if c.RequestID == uuid.Nil {
		bad.Add("request_id", "is required")
	}
	if c.Personal.IsZero() {
		bad.Add("shipping_address", "is required")
	}
	if checkText(&bad, "by", c.By); len(bad) > 0 {
		return nil, bad
	}
	return []domain.Event{ShippingAddressAmended{
		OrderID: o.ID, RequestID: c.RequestID, RequestHash: c.RequestHash, Personal: c.Personal, AmendedBy: c.By, AmendedAt: c.At,
	}}, nil
}

// Request is over the hash.
func (c AmendAddress) Request() Request {
	return Request{ID: c.RequestID, Content: domain.DerivedID(c.RequestID, c.RequestHash)}
}

// request is the one that the event carries out.
func (e ShippingAddressAmended) request() Request {
	return AmendAddress{RequestID: e.RequestID, RequestHash: e.RequestHash}.Request()
}
