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

// Refusals.
const (
	// CodeNotAmendable refuses another address once a shipment has left or the order is cancelled.
	CodeNotAmendable domain.ErrorCode = "not_amendable"
	// CodeCountryFixed refuses an address in another country.
	CodeCountryFixed domain.ErrorCode = "country_fixed"
)

// Amend replaces the address. It returns no events when the order has that address already. It returns none for a
// request that was carried out before: a late retry must not bring an old address back.
//
// Errors: idempotency_key_reused when another request was carried out under the same id; as [CanAmend]; invalid
// without an id or as [CheckAmendment].
func Amend(o Order, c AmendAddress) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if done, err := o.CarriedOut(c.Request()); done || err != nil {
		return nil, err
	}
	if err := CanAmend(o, c.Country); err != nil {
		return nil, err
	}
	if c.Personal.Key == o.Personal.Key && bytes.Equal(c.Personal.Data, o.Personal.Data) {
		return nil, nil
	}
	var bad domain.Invalids
	if c.RequestID == uuid.Nil {
		bad.Add("request_id", "is required")
	}
	if checkAmendment(&bad, c.Personal, c.By); len(bad) > 0 {
		return nil, bad
	}
	return []domain.Event{ShippingAddressAmended{
		OrderID: o.ID, RequestID: c.RequestID, RequestHash: c.RequestHash, Personal: c.Personal, AmendedBy: c.By, AmendedAt: c.At,
	}}, nil
}

// CanAmend says why an order can't be sent to another address in this country; nil when it can. Errors: not_found;
// not_amendable once a shipment has left or the order is cancelled; country_fixed.
func CanAmend(o Order, country string) error {
	switch {
	case o.Status == "":
		return notFound(o)
	case o.Status != StatusCreated && o.Status != StatusConfirmed:
		return domain.Refuse(CodeNotAmendable, "order %s is %s", o.Number, o.Status)
	case country != o.ShipToCountry:
		return domain.Refuse(CodeCountryFixed, "order %s goes to %s: place a new order for another country", o.Number, o.ShipToCountry)
	}
	return nil
}

// CheckAmendment names what is wrong with a new address and with who asks for it, as [domain.Invalids].
func CheckAmendment(personal domain.Sealed, by string) error {
	var bad domain.Invalids
	checkAmendment(&bad, personal, by)
	return bad.Err()
}

func checkAmendment(bad *domain.Invalids, personal domain.Sealed, by string) {
	if personal.IsZero() {
		bad.Add("shipping_address", "is required")
	}
	checkText(bad, "by", by)
}

// Request is over the hash.
func (c AmendAddress) Request() Request {
	return Request{ID: c.RequestID, Content: domain.DerivedID(c.RequestID, c.RequestHash)}
}

// request is the one that the event carries out.
func (e ShippingAddressAmended) request() Request {
	return AmendAddress{RequestID: e.RequestID, RequestHash: e.RequestHash}.Request()
}
