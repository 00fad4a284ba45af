package order

import (
	"encoding/json"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/contact"
)

// RecipientChange is what an amendment asks for. What it leaves out stays as it is. A whole [Recipient] is one too.
type RecipientChange struct {
	ShippingAddress *Address       `json:"shipping_address,omitempty"`
	Contact         *ContactChange `json:"recipient,omitempty"`
	// BillingAddress is another one. BillToRecipient takes it out instead, so that the bill goes to the recipient.
	BillingAddress  *BillingAddress `json:"billing_address,omitempty"`
	BillToRecipient bool            `json:"bill_to_recipient,omitempty"`
	// CustomerNote is another note; an empty one takes it out.
	CustomerNote *string `json:"customer_note,omitempty"`
}

// ContactChange is what of a [Contact] becomes another. What is nil stays, and what is empty is taken out. A name can
// only be replaced.
type ContactChange struct {
	Name    *string `json:"name,omitempty"`
	Company *string `json:"company,omitempty"`
	Phone   *string `json:"phone,omitempty"`
	Email   *string `json:"email,omitempty"`
}

// Checked returns the change as it is kept. Country is where the order goes; phone numbers without a country's code are
// of it. Errors: [domain.Invalids], which names every wrong field with its JSON path.
func (c RecipientChange) Checked(country string) (RecipientChange, error) {
	var bad domain.Invalids
	if c.ShippingAddress != nil {
		a := checkedAddress(&bad, "shipping_address", *c.ShippingAddress)
		c.ShippingAddress = &a
	}
	if c.Contact != nil {
		change := c.Contact.checked(&bad, country)
		c.Contact = &change
	}
	if c.BillingAddress != nil && c.BillToRecipient {
		bad.Add("bill_to_recipient", "contradicts billing_address: give one of the two")
	}
	c.BillingAddress = c.BillingAddress.checked(&bad)
	if c.CustomerNote != nil {
		note := checkedNote(&bad, *c.CustomerNote)
		c.CustomerNote = &note
	}
	return c, bad.Err()
}

func (c ContactChange) checked(bad *domain.Invalids, country string) ContactChange {
	for _, f := range []struct {
		value **string
		check func(text string) string
	}{
		{&c.Name, func(text string) string {
			text = domain.Trim(text)
			bad.Required("recipient.name", text, TextLengthMax)
			return text
		}},
		{&c.Company, func(text string) string {
			text = domain.Trim(text)
			bad.Text("recipient.company", text, TextLengthMax)
			return text
		}},
		{&c.Phone, func(text string) string { return contact.Phone(bad, "recipient.phone", text, country) }},
		{&c.Email, func(text string) string { return contact.Email(bad, "recipient.email", text) }},
	} {
		if *f.value != nil {
			text := f.check(**f.value)
			*f.value = &text
		}
	}
	return c
}

// IsZero reports whether the change asks for nothing.
func (c RecipientChange) IsZero() bool {
	same := c.Contact == nil || *c.Contact == ContactChange{}
	return same && c.ShippingAddress == nil && c.BillingAddress == nil && !c.BillToRecipient && c.CustomerNote == nil
}

// With returns the recipient after a change that was checked. Of an order whose personal data were erased, r is the
// zero value. Error: [domain.Error] with the code invalid when neither has an address.
func (r Recipient) With(c RecipientChange) (Recipient, error) {
	if c.ShippingAddress != nil {
		r.ShippingAddress = *c.ShippingAddress
	}
	if r.ShippingAddress == (Address{}) {
		return r, domain.Invalid("shipping_address", "is required, because the order has none: its personal data were erased")
	}
	if c.Contact != nil {
		for _, f := range []struct {
			to   *string
			from *string
		}{
			{&r.Contact.Name, c.Contact.Name},
			{&r.Contact.Company, c.Contact.Company},
			{&r.Contact.Phone, c.Contact.Phone},
			{&r.Contact.Email, c.Contact.Email},
		} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
	}
	switch {
	case c.BillToRecipient:
		r.BillingAddress = nil
	case c.BillingAddress != nil:
		r.BillingAddress = c.BillingAddress
	}
	if c.CustomerNote != nil {
		r.CustomerNote = *c.CustomerNote
	}
	return r, nil
}

// UnmarshalJSON reads what [Recipient.UnmarshalJSON] does.
func (c *RecipientChange) UnmarshalJSON(text []byte) error {
	type plain RecipientChange
	var stored struct {
		plain
		ShippingAddress *storedAddress `json:"shipping_address"`
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	*c = RecipientChange(stored.plain)
	if stored.ShippingAddress != nil {
		a := stored.ShippingAddress.address()
		c.ShippingAddress = &a
	}
	return nil
}
