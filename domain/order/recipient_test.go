package order_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

var torstrasse = order.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"}

func ada() order.Recipient {
	return order.Recipient{
		ShippingAddress: torstrasse,
		Contact:         order.Contact{Name: "Ada Lovelace", Company: "Engines", Phone: "+49301234567", Email: "Ada@example.com"},
		BillingAddress:  &order.BillingAddress{Name: "Accounts", Address: order.Address{Line1: "Dam 1", City: "Amsterdam", Zip: "1012 JS", Country: "NL"}},
		CustomerNote:    "Ring twice.",
	}
}

func TestARecipientIsKeptInOneForm(t *testing.T) {
	t.Parallel()
	given := ada()
	given.Contact = order.Contact{Name: " Ada Lovelace\u200b", Company: "Engines ", Phone: "030 1234567", Email: "Ada@EXAMPLE.com"}
	given.ShippingAddress.City = " Berlin "
	given.CustomerNote = "\r\nRing\r\ntwice.\n"
	kept, err := given.Checked()
	require.NoError(t, err)
	want := ada()
	want.CustomerNote = "Ring\ntwice."
	require.Equal(t, want, kept)
}

func TestWhatIsWrongWithARecipientIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*order.Recipient)
		wrong []string
	}{
		"no name":                           {func(r *order.Recipient) { r.Contact.Name = "" }, []string{"recipient.name"}},
		"a name of zero-width characters":   {func(r *order.Recipient) { r.Contact.Name = "\u200b\u2060\ufeff\u00ad" }, []string{"recipient.name"}},
		"a name of control characters":      {func(r *order.Recipient) { r.Contact.Name = "\x00\x07\n" }, []string{"recipient.name"}},
		"a name of fillers":                 {func(r *order.Recipient) { r.Contact.Name = "\u3164\u115f\u2800" }, []string{"recipient.name"}},
		"a control character within a name": {func(r *order.Recipient) { r.Contact.Name = "Ada\nLovelace" }, []string{"recipient.name"}},
		"a long company":                    {func(r *order.Recipient) { r.Contact.Company = strings.Repeat("x", 201) }, []string{"recipient.company"}},
		"no phone number":                   {func(r *order.Recipient) { r.Contact.Phone = "12" }, []string{"recipient.phone"}},
		"no email address":                  {func(r *order.Recipient) { r.Contact.Email = "ada" }, []string{"recipient.email"}},
		"no street":                         {func(r *order.Recipient) { r.ShippingAddress.Line1 = "\u200d" }, []string{"shipping_address.line1"}},
		"a bill to nowhere": {
			func(r *order.Recipient) { r.BillingAddress.Zip, r.BillingAddress.Name = "1", strings.Repeat("x", 201) },
			[]string{"billing_address.name", "billing_address.zip"},
		},
		"a note with a control character": {func(r *order.Recipient) { r.CustomerNote = "a\x00b" }, []string{"customer_note"}},
		"a long note":                     {func(r *order.Recipient) { r.CustomerNote = strings.Repeat("x", order.NoteLengthMax+1) }, []string{"customer_note"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ada()
			c.spoil(&r)
			_, err := r.Checked()
			require.Equal(t, c.wrong, fields(t, err))
		})
	}
}

// Sections that were sealed before there were names, and before addresses had two lines.
func TestOldRecipientsAreRead(t *testing.T) {
	t.Parallel()
	const old = `{"shipping_address":{"street":"Torstraße 1","city":"Berlin","state":"","zip":"10119","country":"DE"}}`
	var r order.Recipient
	require.NoError(t, json.Unmarshal([]byte(old), &r))
	require.Equal(t, order.Recipient{ShippingAddress: torstrasse}, r)
	var c order.RecipientChange
	require.NoError(t, json.Unmarshal([]byte(old), &c))
	require.Equal(t, order.RecipientChange{ShippingAddress: &torstrasse}, c)
	text, err := json.Marshal(ada())
	require.NoError(t, err)
	r = order.Recipient{}
	require.NoError(t, json.Unmarshal(text, &r))
	require.Equal(t, ada(), r)
	require.True(t, strings.HasPrefix(string(text), `{"shipping_address":{"line1":`), "as the API passes it on: %s", text)
}

func TestAChangeLeavesTheRest(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	elsewhere := order.Address{Line1: "Torstraße 2", City: "Berlin", Zip: "10119", Country: "DE"}
	for name, c := range map[string]struct {
		change order.RecipientChange
		want   func(*order.Recipient)
	}{
		"the address": {order.RecipientChange{ShippingAddress: &elsewhere}, func(r *order.Recipient) { r.ShippingAddress = elsewhere }},
		"phone and email": {
			order.RecipientChange{Contact: &order.ContactChange{Phone: text("030 7654321"), Email: text("")}},
			func(r *order.Recipient) { r.Contact.Phone, r.Contact.Email = "+49307654321", "" },
		},
		"the name":           {order.RecipientChange{Contact: &order.ContactChange{Name: text(" Grace ")}}, func(r *order.Recipient) { r.Contact.Name = "Grace" }},
		"the bill":           {order.RecipientChange{BillingAddress: &order.BillingAddress{Address: elsewhere}}, func(r *order.Recipient) { r.BillingAddress = &order.BillingAddress{Address: elsewhere} }},
		"no bill of its own": {order.RecipientChange{BillToRecipient: true}, func(r *order.Recipient) { r.BillingAddress = nil }},
		"no note":            {order.RecipientChange{CustomerNote: text(" ")}, func(r *order.Recipient) { r.CustomerNote = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change, err := c.change.Checked("DE")
			require.NoError(t, err)
			changed, err := ada().With(change)
			require.NoError(t, err)
			want := ada()
			c.want(&want)
			require.Equal(t, want, changed)
		})
	}
	_, err := order.RecipientChange{
		Contact: &order.ContactChange{Name: text("\u200b"), Phone: text("1")}, BillingAddress: &order.BillingAddress{Address: elsewhere}, BillToRecipient: true,
	}.Checked("DE")
	require.Equal(t, []string{"recipient.name", "recipient.phone", "bill_to_recipient"}, fields(t, err))
	_, err = order.Recipient{}.With(order.RecipientChange{CustomerNote: text("x")})
	require.Equal(t, domain.CodeInvalid, domain.Code(err), "an erased order needs an address")
}

func TestLabelsNameWhomTheyGoTo(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"Ada Lovelace", "Engines", "Torstraße 1", "10119 Berlin"}, ada().ShippingLabels().Local)
	require.Equal(t, []string{"Accounts", "Dam 1", "1012 JS Amsterdam", "NETHERLANDS"}, ada().BillingLabels().Latin)
	r := ada()
	r.BillingAddress.Name = ""
	require.Equal(t, []string{"Engines", "Ada Lovelace", "Dam 1", "1012 JS Amsterdam"}, r.BillingLabels().Local, "the Netherlands begin with the company")
	r.BillingAddress = nil
	require.Equal(t, r.ShippingLabels(), r.BillingLabels())
}
