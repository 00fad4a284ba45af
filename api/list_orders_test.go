package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestListOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, []any{}, b.get(t, ordersPath).object(t)["orders"])
	require.Equal(t, readmodel.OrderQuery{}, b.query)

	b.page = readmodel.OrderPage{Orders: []readmodel.Shown{orderView(t, b, order.StatusShipped, order.ShipmentStatusDispatched).Shown()}, NextCursor: "next"}
	a := b.get(t, ordersPath)
	require.Equal(t, "next", a.object(t)["next_cursor"])
	require.NotContains(t, a.body, "shipping_address", "a list shows no addresses unless asked")
	require.NotContains(t, a.body, `"personal"`)
	require.Contains(t, b.get(t, ordersPath+"?expand[]=shipping_address").body, "Geheime")
	b.erased["cust-1"] = true
	require.Contains(t, b.get(t, ordersPath+"?expand[]=shipping_address").body, `"erased":true`)
}

func TestListOrdersFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get(t, ordersPath+"?customer_id=cust-1&status=shipped&payment_status=captured&sku=SKU-1&attention=any&order_number=ORD-7"+
		"&created_from=2026-11-01T00:00:00Z&created_to=2026-12-01T01:00:00%2B01:00&currency=EUR&total_min=10&total_max=99.99"+
		"&sort=-total&cursor=abc&limit=7")
	require.Equal(t, http.StatusOK, a.status, a.body)
	least, most := money.Must("10", "EUR"), money.Must("99.99", "EUR")
	require.Equal(t, readmodel.OrderQuery{
		CustomerID: "cust-1", Status: "shipped", PaymentStatus: "captured", SKU: "SKU-1", Attention: "any", NumberPrefix: "ORD-7",
		CreatedFrom: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), CreatedTo: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		Currency: "EUR", TotalMin: &least, TotalMax: &most, Sort: "-total", Cursor: "abc", Limit: 7,
	}, b.query)
}

func TestListOrdersRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for query, fields := range map[string][]string{
		"?status=lost&sort=name&limit=0&x=1":      {"query:status", "query:sort", "query:limit", "query:x"},
		"?limit=101":                              {"query:limit"},
		"?limit=ten":                              {"query:limit"},
		"?created_from=yesterday":                 {"query:created_from"},
		"?created_from=2026-11-01T00:00:00+01:00": {"query:created_from"},
		"?total_min=10":                           {"query:currency"},
		"?sort=total":                             {"query:currency"},
		"?sort=-total":                            {"query:currency"},
		"?created_from=2026-11-02T00:00:00Z&created_to=2026-11-01T00:00:00Z":        {"query:created_to"},
		"?created_from=2026-11-01T00:00:00Z&created_to=2026-11-01t01:00:00%2b01:00": {"query:created_to"},
		"?currency=EU&total_min=1":                   {"query:currency"},
		"?currency=ZZZ":                              {"query:currency"},
		"?currency=ZZZ&total_min=1":                  {"query:currency"},
		"?currency=EUR&total_min=1.999":              {"query:total_min"},
		"?currency=EUR&total_min=1e9":                {"query:total_min"},
		"?currency=EUR&total_max=ten":                {"query:total_max"},
		"?currency=EUR&total_min=10.01&total_max=10": {"query:total_max"},
		"?created_from=9999-12-31T23:59:59-01:00":    {"query:created_from"},
		"?status=created&status=shipped":             {"query:status"},
		"?expand[]=everything":                       {"query:expand[]"},
		"?status=%zz":                                {"query:"},
		"?customer_id=%00":                           {"query:customer_id"},
		"?payment_status=paid":                       {"query:payment_status"},
	} {
		t.Run(query, func(t *testing.T) {
			require.ElementsMatch(t, fields, b.get(t, ordersPath+query).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	b.viewErr = domain.Invalid("cursor", "belongs to another query")
	require.Equal(t, []string{"query:cursor"}, b.get(t, ordersPath+"?cursor=abc").problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
}
