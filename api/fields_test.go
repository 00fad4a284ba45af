package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestAnOrderShowsTheFieldsThatAreAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	for fields, want := range map[string]string{
		"order_id":                         `{"order_id": "3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"}`,
		"status,total":                     `{"status": "shipped", "total": {"amount": "39.80", "currency": "EUR"}}`,
		"status, total.amount":             `{"status": "shipped", "total": {"amount": "39.80"}}`,
		"items.sku,items.unit_price":       `{"items": [{"sku": "SKU-1", "unit_price": {"amount": "19.90", "currency": "EUR"}}]}`,
		"shipments.lines.quantity":         `{"shipments": [{"lines": [{"quantity": 2}]}]}`,
		"total,total.amount":               `{"total": {"amount": "39.80", "currency": "EUR"}}`,
		"total.amount,total":               `{"total": {"amount": "39.80", "currency": "EUR"}}`,
		"shipping_address.city,timeline":   `{"shipping_address": {"city": "Berlin"}}`,
		"metadata.campaign,recipient.name": `{"recipient": {"name": "Geheime Person"}}`,
	} {
		a := b.get(t, orderPath("?fields="+strings.ReplaceAll(fields, " ", "%20")))
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.JSONEq(t, want, a.body, fields)
		require.NotEmpty(t, a.header.Get("ETag"))
	}
	whole := b.get(t, orderPath(""))
	require.Greater(t, len(whole.object(t)), 10)
}

func TestListsShowTheFieldsOfEachThing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.page = readmodel.OrderPage{NextCursor: "bmV4dA", Orders: []readmodel.Shown{
		b.givenOrder(t, order.StatusShipped, "").Shown(), b.givenOrder(t, order.StatusConfirmed, "").Shown(),
	}}
	a := b.get(t, ordersPath+"?fields=status")
	require.JSONEq(t, `{"orders": [{"status": "shipped"}, {"status": "confirmed"}], "next_cursor": "bmV4dA"}`, a.body)
	b.stockPage = readmodel.StockPage{Levels: []readmodel.StockLevel{{SKU: "A", Location: "berlin", OnHand: 3}}}
	require.JSONEq(t, `{"stock": [{"on_hand": 3, "sku": "A"}]}`, b.get(t, "/api/v1/stock?fields=sku,on_hand").body)
}

func TestAFieldThatThereIsNotIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, unknown := range map[string]string{
		orderPath("?fields=status,stautus"):   `"stautus"`,
		orderPath("?fields=items.none,total"): `"items.none"`,
		orderPath("?fields=total.amount.x,,"): `"total.amount.x", "", ""`,
		ordersPath + "?fields=next_cursor":    `"next_cursor"`,
		"/api/v1/payments?fields=refund":      `"refund"`,
		"/api/v1/refunds?fields=*":            `"*"`,
		"/api/v1/invoices?fields=Number":      `"Number"`,
		"/api/v1/attention?fields=%22":        `"\""`,
	} {
		p := b.get(t, path).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, []string{"query:fields"}, p.fields(), path)
		require.Equal(t, "there is no member "+unknown, p.Errors[0].Message)
	}
	require.Equal(t, http.StatusUnprocessableEntity, b.get(t, "/api/v1/events?fields=type").status, "it is taken or refused, and never ignored")
}

// What is chosen is shown in the version that the caller has.
func TestFieldsHaveTheirVersion(t *testing.T) {
	t.Parallel()
	b := versioned(t)
	b.givenOrder(t, order.StatusShipped, "")
	a := b.raw(t, "GET", orderPath("?fields=buyer,status"), "", "Authorization", "Bearer old")
	require.JSONEq(t, `{"buyer": "cust-1", "status": "shipped"}`, a.body)
}
