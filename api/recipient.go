package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/privacy"
)

// newContact is who gets a new order.
type newContact struct {
	Name    string `json:"name"`
	Company string `json:"company,omitempty"`
	Phone   string `json:"phone,omitempty"`
	Email   string `json:"email,omitempty"`
}

// newAddress is an address as a request has it.
type newAddress struct {
	// Name and Company are of a billing address.
	Name    string `json:"name,omitempty"`
	Company string `json:"company,omitempty"`
	Line1   string `json:"line1,omitempty"`
	// Street is the older name of Line1, and is taken in its place.
	Street            string `json:"street,omitempty"`
	Line2             string `json:"line2,omitempty"`
	DependentLocality string `json:"dependent_locality,omitempty"`
	City              string `json:"city"`
	State             string `json:"state"`
	Zip               string `json:"zip"`
	Country           string `json:"country"`
}

func (a newAddress) address() order.Address {
	return order.Address{
		Line1: cmp.Or(a.Line1, a.Street), Line2: a.Line2, DependentLocality: a.DependentLocality, City: a.City, State: a.State, Zip: a.Zip, Country: a.Country,
	}
}

func (a *newAddress) billing() *order.BillingAddress {
	if a == nil {
		return nil
	}
	return &order.BillingAddress{Name: a.Name, Company: a.Company, Address: a.address()}
}

// keep takes over an address as it is kept. Its first line stays under the name that the request has for it.
func (a *newAddress) keep(kept order.Address) {
	if a.Street != "" {
		a.Street = kept.Line1
	} else {
		a.Line1 = kept.Line1
	}
	a.Line2, a.DependentLocality, a.City, a.State, a.Zip, a.Country =
		kept.Line2, kept.DependentLocality, kept.City, kept.State, kept.Zip, kept.Country
}

// keepBilling is [newAddress.keep] for a billing address, which may be nil.
func (a *newAddress) keepBilling(kept *order.BillingAddress) {
	if a != nil && kept != nil {
		a.Name, a.Company = kept.Name, kept.Company
		a.keep(kept.Address)
	}
}

// checkLine1 blames an address that has its first line twice.
func (a *newAddress) checkLine1(bad *domain.Invalids, path string) {
	if a != nil && a.Street != "" && a.Line1 != "" {
		bad.Add(path+".street", "is the older name of line1: give one of the two")
	}
}

// asNamed gives what is wrong with a first line the name under which the request has it.
func (a *newAddress) asNamed(bad domain.Invalids, path string) {
	for _, e := range bad {
		if a != nil && a.Street != "" && e.Field == path+".line1" {
			e.Field = path + ".street"
		}
	}
}

// personal is the personal part of a stored order as it is shown: members of JSON, as they were sealed.
type personal struct {
	// members begins with the name of the first one and has no braces; it is empty when nothing is known.
	members json.RawMessage
	// erased says that it was erased for good.
	erased bool
}

// openPersonal opens the personal part of an order. Errors: unavailable.
func (a *API) openPersonal(ctx context.Context, sealed domain.Sealed) (p personal, err error) {
	if sealed.IsZero() {
		return p, nil
	}
	var text json.RawMessage
	err = a.vault.Open(ctx, sealed, &text)
	switch {
	case errors.Is(err, privacy.ErrErased):
		return personal{erased: true}, nil
	case err != nil:
		return p, err
	}
	p.members, err = membersOf(text)
	return p, err
}

// membersOf returns what an [order.Recipient] is shown as. It passes on what was sealed, because to decode it takes
// five times as long as to decrypt it, and a page has many. What was sealed while an address had one line, "street", is
// decoded and written anew.
func membersOf(recipient json.RawMessage) (json.RawMessage, error) {
	const opening, closing = `{"shipping_address":{"line1":`, `}`
	if bytes.HasPrefix(recipient, []byte(opening)) && bytes.HasSuffix(recipient, []byte(closing)) && json.Valid(recipient) {
		return recipient[1 : len(recipient)-1], nil
	}
	r, err := readRecipient(recipient)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the recipient: %w", err)
	}
	return text[1 : len(text)-1], nil
}

// readRecipient decodes a personal part. Its error tells nothing of what it holds.
func readRecipient(text []byte) (r order.Recipient, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, errors.New("the personal part of the order is no recipient")
	}
	return r, nil
}

// labels are the labels of an order, as expand[]=labels shows them.
type labels struct {
	Shipping order.Labels  `json:"shipping"`
	Billing  *order.Labels `json:"billing,omitempty"`
}

// labelsOf returns the labels of an order; nil when its personal part is not there.
func labelsOf(p personal) (*labels, error) {
	if p.members == nil {
		return nil, nil
	}
	r, err := readRecipient([]byte("{" + string(p.members) + "}"))
	if err != nil {
		return nil, err
	}
	out := &labels{Shipping: r.ShippingLabels()}
	if r.BillingAddress != nil {
		billing := r.BillingLabels()
		out.Billing = &billing
	}
	return out, nil
}
