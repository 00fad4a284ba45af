package order

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/address"
	"github.com/orderloom/orderloom/domain/contact"
)

// NoteLengthMax bounds the customer's note, in characters.
const NoteLengthMax = 2000

// Recipient is the personal part of an order. It exists in the clear only where it enters and where it is shown;
// between the two it is a [domain.Sealed]. Its JSON is what is sealed, and each member is shown under its name.
type Recipient struct {
	ShippingAddress Address `json:"shipping_address"`
	// Contact is the zero value in orders from before there was one.
	Contact Contact `json:"recipient,omitzero"`
	// BillingAddress is nil where the bill goes to the recipient.
	BillingAddress *BillingAddress `json:"billing_address,omitempty"`
	CustomerNote   string          `json:"customer_note,omitempty"`
}

// Contact is who gets the order, and how they are reached.
type Contact struct {
	Name    string `json:"name"`
	Company string `json:"company,omitempty"`
	// Phone is in E.164. Email has its domain in lower case.
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
}

// Address is a postal address.
type Address = address.Address

// BillingAddress is where the bill goes, and to whom: to the recipient where it has no name.
type BillingAddress struct {
	Name    string `json:"name,omitempty"`
	Company string `json:"company,omitempty"`
	Address
}

// Checked returns the recipient of a new order as it is kept: trimmed, with its phone number in E.164. Errors:
// [domain.Invalids], which names every wrong field with its JSON path.
func (r Recipient) Checked() (Recipient, error) {
	var bad domain.Invalids
	r.ShippingAddress = checkedAddress(&bad, "shipping_address", r.ShippingAddress)
	r.Contact = r.Contact.checked(&bad, r.ShippingAddress.Country)
	bad.Required("recipient.name", r.Contact.Name, TextLengthMax)
	r.BillingAddress = r.BillingAddress.checked(&bad)
	r.CustomerNote = checkedNote(&bad, r.CustomerNote)
	return r, bad.Err()
}

func checkedAddress(bad *domain.Invalids, path string, a Address) Address {
	a = a.Trimmed()
	*bad = append(*bad, invalids(address.Check(path, a))...)
	return a
}

// checked checks all of a contact but whether it has a name.
func (c Contact) checked(bad *domain.Invalids, country string) Contact {
	c.Name, c.Company = domain.Trim(c.Name), domain.Trim(c.Company)
	bad.Text("recipient.company", c.Company, TextLengthMax)
	c.Phone = contact.Phone(bad, "recipient.phone", c.Phone, country)
	c.Email = contact.Email(bad, "recipient.email", c.Email)
	return c
}

func (b *BillingAddress) checked(bad *domain.Invalids) *BillingAddress {
	if b == nil {
		return nil
	}
	out := BillingAddress{Name: domain.Trim(b.Name), Company: domain.Trim(b.Company)}
	bad.Text("billing_address.name", out.Name, TextLengthMax)
	bad.Text("billing_address.company", out.Company, TextLengthMax)
	out.Address = checkedAddress(bad, "billing_address", b.Address)
	return &out
}

func checkedNote(bad *domain.Invalids, note string) string {
	note = domain.Trim(strings.ReplaceAll(note, "\r\n", "\n"))
	bad.Note("customer_note", note, NoteLengthMax)
	return note
}

// Labels are the lines of the labels of an order: within the country, and for post from abroad.
type Labels struct {
	Local []string `json:"local"`
	Latin []string `json:"latin"`
}

// ShippingLabels returns the lines of the label to the recipient.
func (r Recipient) ShippingLabels() Labels {
	return labels(r.ShippingAddress, address.Addressee{Name: r.Contact.Name, Company: r.Contact.Company})
}

// BillingLabels returns the lines of the label to whom the bill goes.
func (r Recipient) BillingLabels() Labels {
	b := r.BillingAddress
	if b == nil {
		return r.ShippingLabels()
	}
	to := address.Addressee{Name: b.Name, Company: b.Company}
	if to == (address.Addressee{}) {
		to = address.Addressee{Name: r.Contact.Name, Company: r.Contact.Company}
	}
	return labels(b.Address, to)
}

func labels(a Address, to address.Addressee) Labels {
	return Labels{Local: a.Label(to, address.Local), Latin: a.Label(to, address.Latin)}
}

// UnmarshalJSON also reads what was sealed while an address had one line, "street".
func (r *Recipient) UnmarshalJSON(text []byte) error {
	type plain Recipient
	var stored struct {
		plain
		ShippingAddress storedAddress `json:"shipping_address"`
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	*r = Recipient(stored.plain)
	r.ShippingAddress = stored.ShippingAddress.address()
	return nil
}

// storedAddress is an address as it was ever sealed.
type storedAddress struct {
	Address
	Street string `json:"street"`
}

func (a storedAddress) address() Address {
	a.Line1 = cmp.Or(a.Line1, a.Street)
	return a.Address
}

// invalids returns what a check has found wrong.
func invalids(err error) domain.Invalids {
	var bad domain.Invalids
	errors.As(err, &bad)
	return bad
}
