package order_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlaceComputesNumberAndTotal(t *testing.T) {
	t.Parallel()
	events, err := order.Place(order.Order{}, placeOrder(item("A", 3, "19.90"), item("A", 1, "0.01"), item("B", 2, "5")))
	require.NoError(t, err)
	require.Len(t, events, 1)
	placed := events[0].(order.OrderPlaced)
	require.Equal(t, "69.71 EUR", placed.Total.String())
	require.Equal(t, order.Number(orderID), placed.OrderNumber)
	require.Equal(t, sealed, placed.Personal)
	require.Equal(t, at, placed.PlacedAt)
}

func TestPlaceTwice(t *testing.T) {
	t.Parallel()
	o := must(t, order.Order{}, place(item("A", 1, "1")))
	other := placeOrder(item("A", 1, "1"))
	other.RequestHash = "h2"
	_, err := order.Place(o, other)
	require.EqualValues(t, "idempotency_key_reused", domain.Code(err))
}

func TestPlaceInCurrenciesOfAnyExponent(t *testing.T) {
	t.Parallel()
	for currency, c := range map[string]struct {
		price, total string
		field        string
	}{
		"JPY": {price: "1500", total: "3000 JPY"},
		"KRW": {price: "0.5", field: "items[0].unit_price"},
		"KWD": {price: "0.125", total: "0.250 KWD"},
		"TND": {price: "0.0005", field: "items[0].unit_price"},
		"EUR": {price: "0.001", field: "items[0].unit_price"},
		"USD": {price: "0.01", total: "0.02 USD"},
		"CLF": {price: "0.0099", total: "0.0198 CLF"},
		"GBP": {price: "0", total: "0.00 GBP"},
		"CHF": {price: "-1", field: "items[0].unit_price"},
		"XXX": {price: "1", field: "currency"},
		"":    {price: "1", field: "currency"},
	} {
		t.Run(currency, func(t *testing.T) {
			t.Parallel()
			line := order.Item{ProductID: "p", SKU: "A", Quantity: 2, UnitPrice: money.Money{Amount: decimal.RequireFromString(c.price), Currency: currency}}
			err := order.CheckOrder("c-1", []order.Item{line}, "DE")
			if c.field == "" {
				require.NoError(t, err, currency)
				require.Equal(t, c.total, order.Total([]order.Item{line}, nil).String())
				return
			}
			require.Equal(t, []string{c.field}, fields(t, err), currency)
		})
	}
}

func TestCheckOrderNamesEveryField(t *testing.T) {
	t.Parallel()
	good := item("A", 1, "1")
	spoiled := func(spoil func(*order.Item)) order.Item {
		i := good
		spoil(&i)
		return i
	}
	for name, c := range map[string]struct {
		customer string
		items    []order.Item
		country  string
		want     []string
	}{
		"good":               {"c-1", []order.Item{good, item("A", 1, "2")}, "DE", nil},
		"nothing":            {"", nil, "", []string{"customer_id", "items", "shipping_address.country"}},
		"too many":           {"c-1", make([]order.Item, order.ItemsMax+1), "DE", []string{"items"}},
		"country in words":   {"c-1", []order.Item{good}, "de", []string{"shipping_address.country"}},
		"customer, too long": {strings.Repeat("x", 65), []order.Item{good}, "DE", []string{"customer_id"}},
		"no quantity":        {"c-1", []order.Item{spoiled(func(i *order.Item) { i.Quantity = 0 })}, "DE", []string{"items[0].quantity"}},
		"quantity, negative": {"c-1", []order.Item{spoiled(func(i *order.Item) { i.Quantity = math.MinInt })}, "DE", []string{"items[0].quantity"}},
		"quantity, too many": {"c-1", []order.Item{spoiled(func(i *order.Item) { i.Quantity = math.MaxInt })}, "DE", []string{"items[0].quantity"}},
		"SKU with a zero":    {"c-1", []order.Item{spoiled(func(i *order.Item) { i.SKU = "a\x00" })}, "DE", []string{"items[0].sku"}},
		"SKU, not UTF-8":     {"c-1", []order.Item{spoiled(func(i *order.Item) { i.SKU = "\xff\xfe" })}, "DE", []string{"items[0].sku"}},
		"no product":         {"c-1", []order.Item{good, spoiled(func(i *order.Item) { i.ProductID = "" })}, "DE", []string{"items[1].product_id"}},
		"two currencies":     {"c-1", []order.Item{good, spoiled(func(i *order.Item) { i.UnitPrice = money.Must("1", "USD") })}, "DE", []string{"items[1].unit_price"}},
		"huge exponent":      {"c-1", []order.Item{spoiled(func(i *order.Item) { i.UnitPrice.Amount = decimal.New(1, 1<<30) })}, "DE", []string{"items[0].unit_price"}},
		"unknown currency, said once": {
			"c-1", []order.Item{
				spoiled(func(i *order.Item) { i.UnitPrice.Currency = "ZZZ" }), spoiled(func(i *order.Item) { i.UnitPrice.Currency = "ZZZ" }),
			}, "DE", []string{"currency"},
		},
		"all at once": {
			" c",
			[]order.Item{{Quantity: -1, UnitPrice: money.Must("-0.01", "EUR")}},
			"XX",
			[]string{"customer_id", "items[0].product_id", "items[0].sku", "items[0].quantity", "items[0].unit_price", "shipping_address.country"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, fields(t, order.CheckOrder(c.customer, c.items, c.country)), name)
		})
	}
}

func TestTotalHasALimit(t *testing.T) {
	t.Parallel()
	items := make([]order.Item, order.ItemsMax)
	for i := range items {
		items[i] = item("A", order.QuantityMax, "99999999999.99")
	}
	require.Equal(t, []string{"items"}, fields(t, order.CheckOrder("c-1", items, "DE")))
}

// A refusal must not be a way to make us repeat megabytes.
func TestRefusalsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 100_000)
	err := order.CheckOrder(long, []order.Item{
		{ProductID: long, SKU: long, Quantity: 1, UnitPrice: money.Money{Currency: long}}, {UnitPrice: money.Money{Currency: long[2:]}},
	}, long)
	require.Error(t, err)
	require.Less(t, len(err.Error()), 2_000)
}

// What was checked can be stored: no text that PostgreSQL's JSON refuses, no amount that does not
// read back.
func TestCheckedOrdersCanBeStored(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9-]{1,10}`))
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Item {
			return order.Item{
				ProductID: text.Draw(t, "product"), SKU: text.Draw(t, "sku"), Quantity: rapid.Int().Draw(t, "quantity"),
				UnitPrice: money.Money{
					Amount:   decimal.New(rapid.Int64().Draw(t, "value"), rapid.Int32Range(-40, 40).Draw(t, "exponent")),
					Currency: rapid.SampledFrom([]string{"EUR", "JPY", "nope"}).Draw(t, "currency"),
				},
			}
		}), 0, 3).Draw(t, "items")
		c := placeOrder(items...)
		c.CustomerID = text.Draw(t, "customer")
		events, err := order.Place(order.Order{}, c)
		if err != nil {
			require.Equal(t, domain.CodeInvalid, domain.Code(err))
			return
		}
		b, err := json.Marshal(events[0])
		require.NoError(t, err)
		require.NotContains(t, string(b), `\u0000`)
		var read order.OrderPlaced
		require.NoError(t, json.Unmarshal(b, &read))
		require.Zero(t, read.Total.Cmp(order.Total(read.Items, nil)))
	})
}

func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var bad domain.Invalids
	require.ErrorAs(t, err, &bad)
	var names []string
	for _, e := range bad {
		names = append(names, e.Field)
	}
	return names
}
