package order

import (
	"bytes"
	"time"

	"github.com/orderloom/orderloom/domain"
)

// AmendAddress asks to send the order elsewhere within the same country: another country may mean
// another location and another price.
type AmendAddress struct {
	Country  string
	Personal domain.Sealed
	By       string
	At       time.Time
}

// Amend replaces the address. It returns no events when the order has that address already. Errors:
// not_found; not_amendable once a parcel has left or the order is cancelled; country_fixed; invalid
// without an address or a name of who did it.
func Amend(o Order, c AmendAddress) ([]domain.Event, error) {
	switch {
	case o.Status == "":
		return nil, notFound(o)
	case o.Status != StatusCreated && o.Status != StatusConfirmed:
		return nil, domain.Refuse("not_amendable", "order %s is %s", o.Number, o.Status)
	case c.Country != o.ShipToCountry:
		return nil, domain.Refuse("country_fixed", "order %s goes to %s: place a new order for another country", o.Number, o.ShipToCountry)
	}
	if c.Personal.Key == o.Personal.Key && bytes.Equal(c.Personal.Data, o.Personal.Data) {
		return nil, nil
	}
	var bad domain.Invalids
	if c.Personal.IsZero() {
		bad.Add("shipping_address", "is required")
	}
	if checkText(&bad, "by", c.By); len(bad) > 0 {
		return nil, bad
	}
	return []domain.Event{ShippingAddressAmended{OrderID: o.ID, Personal: c.Personal, AmendedBy: c.By, AmendedAt: c.At}}, nil
}
