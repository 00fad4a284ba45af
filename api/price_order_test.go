package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// taxedOrder has prices with tax, a discount of 10 % with a code, one of a euro on the first line, shipping, and a
// download.
const taxedOrder = `{
	"customer_id": "cust-1", "currency": "EUR", "prices_include_tax": true,
	"items": [
		{"product_id": "p-1", "sku": "SKU-1", "name": "Espresso", "quantity": 3, "unit_price": "9.90",
		 "tax_class": "reduced", "taxes": [{"name": "MwSt", "rate": "0.07"}], "metadata": {"colour": "red"}},
		{"product_id": "p-2", "sku": "SKU-2", "quantity": 1, "unit_price": 20, "requires_shipping": false,
		 "taxes": [{"name": "MwSt", "rate": 0.19}]}
	],
	"shipping_lines": [{"method": "standard", "name": "DHL", "amount": "4.90", "taxes": [{"name": "MwSt", "rate": "0.19", "included": false}]}],
	"discounts": [
		{"target": "order", "percentage": "10", "code": "SPRING10"},
		{"target": "line", "items": [0], "amount": "1.00", "reason": "scratched"}
	],
	"rounding": {"mode": "half_even"},
	"recipient": {"name": "Geheime Person"},
	"shipping_address": {"line1": "Geheime Str. 7", "city": "Berlin", "zip": "10119", "country": "DE"},
	"payment_token": "tok_approve"
}`

// 29.70 - 1.00 = 28.70 and 20.00 make 48.70; 10 % of that is 4.87, shared out 2.87 and 2.00. Shipping is 4.90 and 0.93
// tax on top: 25.83 + 18.00 + 5.83 = 49.66.
func TestPlaceOrderPricesTheOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, ordersPath, taxedOrder)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, map[string]any{"amount": "49.66", "currency": "EUR"}, a.object(t)["total"])
	id := uuid.MustParse(a.object(t)["order_id"].(string))
	in := b.started[id]
	require.Equal(t, "49.66 EUR", in.Total().String())
	require.Equal(t, pricing.Rounding{Mode: pricing.HalfEven}, in.Rounding)

	first := in.Items[0]
	require.Equal(t, []string{"Espresso", "reduced", "red"}, []string{first.Name, first.TaxClass, first.Metadata["colour"]})
	require.Equal(t, "29.70 3.87 25.83 1.69", texts(first.Breakdown().Gross, first.Breakdown().Discount(), first.Total(), first.Breakdown().Tax()))
	require.Equal(t, []pricing.Allocation{
		{Discount: 1, Amount: money.Must("1.00", "EUR")}, {Discount: 0, Amount: money.Must("2.87", "EUR")},
	}, first.Money.Discounts)
	require.True(t, first.Money.Taxes[0].Included)
	require.True(t, in.Items[1].Digital())
	require.Equal(t, "5.83 EUR", in.ShippingLines[0].Total().String())
	require.False(t, in.ShippingLines[0].Money.Taxes[0].Included, "it says so itself")
	require.Equal(t, order.Discount{
		Target: pricing.TargetLine, LineIDs: []uuid.UUID{order.LineID(id, 1)}, Amount: money.Must("1.00", "EUR"), Reason: "scratched", Total: money.Must("1.00", "EUR"),
	}, in.Discounts[1])
	require.Equal(t, "4.87 EUR", in.Discounts[0].Total.String())

	// The order's events take it, and show it again.
	placed, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID: id, CustomerID: in.CustomerID, Items: in.Items, ShippingLines: in.ShippingLines, Discounts: in.Discounts, Rounding: in.Rounding,
		ShipToCountry: "DE", Personal: in.Personal, RequestHash: in.RequestHash,
	})
	require.NoError(t, err)
	totals := placed[0].(order.OrderPlaced).Totals
	require.Equal(t, "49.70 5.87 4.90 5.49 4.56 49.66",
		texts(totals.Subtotal, totals.Discount, totals.Shipping, totals.Tax, totals.TaxIncluded, totals.Total))
}

func TestPlaceOrderNamesWhatIsWrongWithTheMoney(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct{ old, replacement, field string }{
		"rate in words":          {`"rate": "0.07"`, `"rate": "a lot"`, "items[0].taxes[0].rate"},
		"rate above all":         {`"rate": "0.07"`, `"rate": "101"`, "items[0].taxes[0].rate"},
		"tax without a name":     {`"name": "MwSt", "rate": "0.07"`, `"name": " ", "rate": "0.07"`, "items[0].taxes[0].name"},
		"tax of another kind":    {`"rate": "0.07"`, `"rate": "0.07", "kind": "x"`, "items[0].taxes[0].kind"},
		"included tax too high":  {`"rate": "0.07"`, `"rate": "0.07", "amount": "30.00"`, "items[0].taxes"},
		"shipping below zero":    {`"4.90"`, `"-4.90"`, "shipping_lines[0].amount"},
		"shipping without words": {`"method": "standard"`, `"method": ""`, "shipping_lines[0].method"},
		"percentage above all":   {`"percentage": "10"`, `"percentage": "100.5"`, "discounts[0].percentage"},
		"both kinds":             {`"percentage": "10"`, `"percentage": "10", "amount": "1.00"`, "discounts[0]"},
		"line there is not":      {`"items": [0]`, `"items": [2]`, "discounts[1].items[0]"},
		"more than is left":      {`"amount": "1.00"`, `"amount": "29.71"`, "discounts[1].amount"},
		"unknown target":         {`"target": "line"`, `"target": "customer"`, "discounts[1].target"},
		"unknown rounding":       {`"half_even"`, `"down"`, "rounding.mode"},
		"name with a control":    {`"Espresso"`, `"Es\u0000presso"`, "items[0].name"},
		"metadata too long":      {`"red"`, `"` + strings.Repeat("x", 501) + `"`, "items[0].metadata.colour"},
		"key too long":           {`"colour"`, `"` + strings.Repeat("x", 41) + `"`, "items[0].metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := strings.Replace(taxedOrder, c.old, c.replacement, 1)
			require.NotEqual(t, taxedOrder, body)
			p := b.post(t, ordersPath, body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.Equal(t, []string{"body:" + c.field}, p.fields())
		})
	}
}

// asked is a tax provider that notes its questions.
type asked struct {
	questions []TaxQuestion
	rules     []pricing.TaxRule
	err       error
}

func (a *asked) Taxes(_ context.Context, q TaxQuestion) ([][]pricing.TaxRule, error) {
	a.questions = append(a.questions, q)
	out := make([][]pricing.TaxRule, len(q.Classes))
	for i := range out {
		out[i] = a.rules
	}
	return out, a.err
}

func TestTaxesThatAreLeftOutAreFound(t *testing.T) {
	t.Parallel()
	provider := &asked{rules: []pricing.TaxRule{{Name: "MwSt", Rate: decimal.New(19, -2)}}}
	b := setup(t, func(o *Options) { o.Taxes, o.ShippingByValue = provider, true })
	body := strings.Replace(goodOrder, `"sku": "SKU-1"`, `"sku": "SKU-1", "tax_class": "books"`, 1)
	require.NotEqual(t, goodOrder, body)
	first := b.post(t, ordersPath, body, "Idempotency-Key", "k-1")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, "47.36", first.object(t)["total"].(map[string]any)["amount"], "39.80 and 7.56 on top")
	require.Equal(t, []TaxQuestion{{Currency: "EUR", Country: "DE", Classes: []string{"books"}}}, provider.questions)
	in := b.started[uuid.MustParse(first.object(t)["order_id"].(string))]
	require.Equal(t, "books", in.Items[0].TaxClass)
	require.True(t, in.ShippingByValue)

	none := strings.Replace(goodOrder, `"sku": "SKU-1"`, `"sku": "SKU-1", "taxes": []`, 1)
	free := b.post(t, ordersPath, none)
	require.Equal(t, "39.80", free.object(t)["total"].(map[string]any)["amount"], "an empty list means none")
	require.Len(t, provider.questions, 1)

	provider.err = errors.New("the tax service is away")
	b.post(t, ordersPath, body).problem(t, http.StatusServiceUnavailable, "unavailable")
}

// An address may name its state in several ways, and is taxed in one.
func TestTheStateOfAnAddressIsAskedForByItsCode(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"QC", "Quebec", "québec"} {
		provider := &asked{rules: []pricing.TaxRule{}}
		b := setup(t, func(o *Options) { o.Taxes = provider })
		answer := b.post(t, ordersPath+"/preview", `{"currency": "CAD", "shipping_address": {"country": "CA", "state": "`+state+`"},
			"items": [{"product_id": "p", "sku": "SKU-1", "quantity": 1, "unit_price": "9.90"}]}`)
		require.Equal(t, http.StatusOK, answer.status, answer.body)
		require.Equal(t, "QC", provider.questions[0].Subdivision)
	}
}

func TestATaxTableIsAProvider(t *testing.T) {
	t.Parallel()
	table, err := pricing.ParseTaxTable([]byte(`[{"country":"DE","taxes":[{"name":"MwSt","rate":"0.19"}]}]`))
	require.NoError(t, err)
	found, err := TaxTable{Table: table}.Taxes(t.Context(), TaxQuestion{Country: "DE", PricesIncludeTax: true, Classes: []string{"", "books"}})
	require.NoError(t, err)
	require.Equal(t, [][]pricing.TaxRule{{{Name: "MwSt", Rate: decimal.RequireFromString("0.19"), Included: true}}, nil}, found)
}

func texts(amounts ...money.Money) string {
	var all []string
	for _, m := range amounts {
		all = append(all, m.Text())
	}
	return strings.Join(all, " ")
}
