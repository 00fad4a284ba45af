package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// wholeRecipient has all that a recipient can have, in spellings that are not kept.
const wholeRecipient = `"recipient": {"name": " Geheime Person\u200b", "company": "Geheim AG", "phone": "030 1234567", "email": "Geheim@EXAMPLE.com"},
	"billing_address": {"name": "Geheime Kasse", "street": "Dam 1", "city": "Amsterdam", "zip": "1012 js", "country": "NL"},
	"customer_note": "Geheim:\r\nzweimal klingeln",`

// keptRecipient is what is kept of it, with the address of goodOrder.
func keptRecipient() order.Recipient {
	return order.Recipient{
		ShippingAddress: order.Address{Line1: "Geheime Str. 7", City: "Berlin", Zip: "10119", Country: "DE"},
		Contact:         order.Contact{Name: "Geheime Person", Company: "Geheim AG", Phone: "+49301234567", Email: "Geheim@example.com"},
		BillingAddress: &order.BillingAddress{
			Name: "Geheime Kasse", Address: order.Address{Line1: "Dam 1", City: "Amsterdam", Zip: "1012 js", Country: "NL"},
		},
		CustomerNote: "Geheim:\nzweimal klingeln",
	}
}

// withRecipient is goodOrder with another recipient.
func withRecipient(t *testing.T, members string) string {
	t.Helper()
	return replaced(t, goodOrder, `"recipient": {"name": "Geheime Person"},`, members)
}

func TestPlaceOrderSealsTheRecipientInItsKeptForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, ordersPath, withRecipient(t, wholeRecipient))
	require.Equal(t, http.StatusCreated, a.status, a.body)
	in := b.started[uuid.MustParse(a.object(t)["order_id"].(string))]
	var r order.Recipient
	require.NoError(t, b.Open(t.Context(), in.Personal, &r))
	require.Equal(t, keptRecipient(), r)
	in.Personal = domain.Sealed{}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	for _, said := range []string{string(text), a.body, b.log.String()} {
		require.NotContains(t, strings.ToLower(said), "geheim")
		require.NotContains(t, said, "1234567")
	}
}

// What an order is refused for tells nothing of its recipient, in the answer as in the log.
func TestRefusalsTellNothingOfARecipient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	body := withRecipient(t, `"recipient": {"name": "Geheim\n", "company": "Geheim\u0000", "phone": "Geheim 12", "email": "geheim"},
		"billing_address": {"line1": "Geheim\u0000", "city": "Geheim", "state": "Geheim", "zip": "Geheim", "country": "US"}, "customer_note": "Ge\u0000heim",`)
	a := b.post(t, ordersPath, body)
	p := a.problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{
		"body:recipient.name", "body:recipient.company", "body:recipient.phone", "body:recipient.email", "body:billing_address.line1", "body:billing_address.state", "body:billing_address.zip", "body:customer_note",
	}, p.fields(), "%+v", p.Errors)
	require.NotContains(t, strings.ToLower(a.body+b.log.String()), "geheim")
	a = b.post(t, ordersPath, withRecipient(t, `"recipient": {"name": "x"},
		"billing_address": {"line1": "Geheim", "city": "Geheim", "state": "Geheim", "zip": "Geheim", "country": "US"},`))
	require.Equal(t, []string{"body:billing_address.state", "body:billing_address.zip"}, a.problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.NotContains(t, strings.ToLower(a.body+b.log.String()), "geheim")
}

// A first line is one, by its name and by its older one, and both have the fingerprint that they had.
func TestTheFirstLineOfAnAddressHasTwoNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{goodOrder, replaced(t, goodOrder, `"street"`, `"line1"`)} {
		a := b.post(t, ordersPath, body)
		require.Equal(t, http.StatusCreated, a.status, a.body)
		var r order.Recipient
		require.NoError(t, b.Open(t.Context(), b.started[uuid.MustParse(a.object(t)["order_id"].(string))].Personal, &r))
		require.Equal(t, "Geheime Str. 7", r.ShippingAddress.Line1)
	}
}

func TestAmendOrderChangesWhatItNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		change order.RecipientChange
	}{
		"the phone number, as it is dialled there": {
			`{"recipient": {"phone": "030 7654321", "email": ""}}`,
			order.RecipientChange{Contact: &order.ContactChange{Phone: new("+49307654321"), Email: new("")}},
		},
		"the note":  {`{"customer_note": "x"}`, order.RecipientChange{CustomerNote: new("x")}},
		"the bill":  {`{"bill_to_recipient": true}`, order.RecipientChange{BillToRecipient: true}},
		"the bills": {`{"billing_address": {"street": "Dam 1", "city": "A", "zip": "1012JS", "country": "NL"}}`, order.RecipientChange{BillingAddress: &order.BillingAddress{Address: order.Address{Line1: "Dam 1", City: "A", Zip: "1012JS", Country: "NL"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
			b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusConfirmed}
			a := b.post(t, orderPath("/amend"), c.body)
			require.Equal(t, http.StatusOK, a.status, a.body)
			r := b.requests[0].(workflows.AmendRequest)
			require.Equal(t, "DE", r.Country)
			var change order.RecipientChange
			require.NoError(t, b.Open(t.Context(), r.Personal, &change))
			require.Equal(t, c.change, change)
		})
	}
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	for body, fields := range map[string][]string{
		`{}`: {"body:"}, `{"by": "operator"}`: {"body:"}, `{"recipient": {}}`: {"body:"},
		`{"recipient": {"name": "\u200b"}}`: {"body:recipient.name"}, `{"recipient": {"phone": "1"}}`: {"body:recipient.phone"},
		`{"bill_to_recipient": true, "billing_address": {"line1": "x", "city": "y", "country": "QA"}}`: {"body:bill_to_recipient"},
	} {
		t.Run(body, func(t *testing.T) {
			p := b.post(t, orderPath("/amend"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.ElementsMatch(t, fields, p.fields(), "%+v", p.Errors)
		})
	}
}

func TestGetOrderShowsLabels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	a := b.get(t, orderPath("?expand[]=labels"))
	require.Equal(t, map[string]any{"shipping": map[string]any{
		"local": []any{"Geheime Person", "Geheime Str. 7", "10119 Berlin"}, "latin": []any{"Geheime Person", "Geheime Str. 7", "10119 Berlin", "GERMANY"},
	}}, a.object(t)["labels"])
	b.erased["cust-1"] = true
	a = b.get(t, orderPath("?expand[]=labels"))
	require.Equal(t, http.StatusOK, a.status)
	require.NotContains(t, a.body, "labels")
	require.NotContains(t, a.body, "Geheim")
	require.NotContains(t, a.body, `"recipient"`)
}
