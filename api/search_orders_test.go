package api

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const searchOrdersPath = ordersPath + "/search"

func setupSearch(t *testing.T) (*testBundle, *privacy.Index) {
	t.Helper()
	index, err := privacy.NewIndex(privacy.IndexKey{ID: "i1", Key: make([]byte, 32)})
	require.NoError(t, err)
	return setup(t, func(o *Options) { o.Contacts = index }), index
}

func TestSearchOrdersByContact(t *testing.T) {
	t.Parallel()
	b, index := setupSearch(t)
	b.page = readmodel.OrderPage{Orders: []readmodel.Shown{orderView(t, b, order.StatusShipped, order.ShipmentStatusDispatched).Shown()}, NextCursor: "next"}
	a := b.post(t, searchOrdersPath, `{"email": " Geheim@Example.com ", "phone": "+49 30 1234567", "expand": ["shipping_address"]}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "next", a.object(t)["next_cursor"])
	require.Contains(t, a.body, "Geheime Person")
	emails, _ := index.Emails("geheim@example.com")
	phones, _ := index.Phones("+49301234567")
	require.Equal(t, readmodel.OrderQuery{Emails: emails, Phones: phones, Personal: true}, b.query)
	require.NotContains(t, b.post(t, searchOrdersPath, `{}`).body, "Geheim", "personal data are shown when they are asked for")
	require.Equal(t, readmodel.OrderQuery{}, b.query)
	for _, secret := range []string{"eheim@", "1234567", hex.EncodeToString(emails[0])} {
		require.NotContains(t, strings.ToLower(b.log.String()), secret)
	}
}

func TestSearchOrdersFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, searchOrdersPath, `{"customer_id": "cust-1", "status": "shipped", "payment_status": "captured", "fulfillment_status": "shipped", "external_reference": "WEB-1", "channel": "web", "tag": "rush",
		"updated_since": "2026-11-02T00:00:00Z", "sku": "SKU-1", "attention": "any", "settled": false,
		"order_number": "ORD-7", "created_from": "2026-11-01T00:00:00Z", "created_to": "2026-12-01T01:00:00+01:00", "currency": "EUR",
		"total_min": "10", "total_max": "99.99", "sort": "-total", "cursor": "abc", "limit": 7}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	least, most := money.Must("10", "EUR"), money.Must("99.99", "EUR")
	require.True(t, b.query.CreatedTo.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)))
	b.query.CreatedTo = time.Time{}
	require.Equal(t, readmodel.OrderQuery{
		CustomerID: "cust-1", Status: "shipped", PaymentStatus: "captured", FulfillmentStatus: "shipped", ExternalReference: "WEB-1", Channel: "web", Tag: "rush", SKU: "SKU-1", Attention: "any", Settled: new(false), NumberPrefix: "ORD-7",
		CreatedFrom: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), UpdatedSince: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), Currency: "EUR", TotalMin: &least, TotalMax: &most, Sort: "-total", Cursor: "abc", Limit: 7,
	}, b.query)
}

func TestSearchOrdersRefusesBadInput(t *testing.T) {
	t.Parallel()
	b, _ := setupSearch(t)
	for body, fields := range map[string][]string{
		`{"email": "geheim"}`:                                          {"body:email"},
		`{"phone": "030 1234567"}`:                                     {"body:phone"},
		`{"email": "x", "phone": "1"}`:                                 {"body:email", "body:phone"},
		`{"status": "lost", "limit": 0}`:                               {"body:status", "body:limit"},
		`{"total_min": "10"}`:                                          {"body:currency"},
		`{"sort": "total"}`:                                            {"body:currency"},
		`{"name": "Ada"}`:                                              {"body:name"},
		`{"currency": "EU", "limit": 101}`:                             {"body:currency", "body:limit"},
		`{"currency": "ZZZ"}`:                                          {"body:currency"},
		`{"currency": "ZZZ", "total_max": "1"}`:                        {"body:currency"},
		`{"currency": "EUR", "total_min": "1.999"}`:                    {"body:total_min"},
		`{"currency": "EUR", "total_min": "10.01", "total_max": "10"}`: {"body:total_max"},
		`{"created_from": "9999-12-31T23:59:59-01:00"}`:                {"body:created_from"},
		`{"updated_since": "2026-11-27T12:00:60Z"}`:                    {"body:updated_since"},
		`{"created_from": "2026-11-02T00:00:00Z", "created_to": "2026-11-01T00:00:00Z"}`: {"body:created_to"},
		`{"expand": ["everything"]}`: {"body:expand[0]"},
	} {
		t.Run(body, func(t *testing.T) {
			p := b.post(t, searchOrdersPath, body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.ElementsMatch(t, fields, p.fields(), "%+v", p.Errors)
		})
	}
	b.viewErr = domain.Invalids{domain.Invalid("cursor", "belongs to another list")}
	p := b.post(t, searchOrdersPath, `{"cursor": "c"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"body:cursor"}, p.fields())
}

// A platform without keys of the index finds orders by everything else.
func TestSearchOrdersWithoutAnIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, searchOrdersPath, `{"email": "ada@example.com"}`).problem(t, http.StatusConflict, CodeContactsUnindexed)
	require.Equal(t, http.StatusOK, b.post(t, searchOrdersPath, `{"status": "shipped"}`).status)
}
