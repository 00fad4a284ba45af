package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// stocked lets goods lie at locations, some of which others wait for.
func (b *testBundle) stocked(levels map[string]map[string]int, waitedFor ...string) {
	for _, id := range []string{"berlin", "reno"} {
		b.net = location.Evolve(b.net, location.LocationAdded{Location: location.Location{ID: id, Country: map[string]string{"berlin": "DE", "reno": "US"}[id], Active: true}})
	}
	for _, sku := range waitedFor {
		b.net = location.Evolve(b.net, location.SKUBackordered{SKU: sku})
	}
	for sku, at := range levels {
		for id, n := range at {
			b.stock[sku] = append(b.stock[sku], readmodel.StockLevel{SKU: sku, Location: id, OnHand: n, Available: n})
		}
	}
}

// preview asks what an order would come to.
func (b *testBundle) preview(t *testing.T, body string) orderPreview {
	t.Helper()
	a := b.post(t, previewPath, body)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.True(t, b.untouched(), "nothing is stored")
	var p orderPreview
	require.NoError(t, json.Unmarshal([]byte(a.body), &p))
	return p
}

func TestAPreviewTellsWhatAnOrderComesTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stocked(map[string]map[string]int{"SKU-1": {"berlin": 2, "reno": 1}})
	p := b.preview(t, taxedOrder)
	require.Equal(t, "49.66 49.70 5.87 4.90 5.49 4.56", texts(p.Total, p.Totals.Subtotal, p.Totals.Discount, p.Totals.Shipping, p.Totals.Tax, p.Totals.TaxIncluded))
	require.Equal(t, "29.70 3.87 25.83", texts(p.Items[0].Money.Gross, p.Items[0].Money.Discount(), p.Items[0].Money.Payable))
	require.Equal(t, []discountPreview{
		{Target: pricing.TargetOrder, Code: "SPRING10", Total: money.Must("4.87", "EUR")}, {Target: pricing.TargetLine, Total: money.Must("1.00", "EUR")},
	}, p.Discounts)
	require.Equal(t, order.GoodsAvailable, p.Goods)
	require.Equal(t, []order.Wanted{{SKU: "SKU-1", Quantity: 3, Available: 3}}, p.Stock)
	require.Len(t, p.Shipments, 3)
	// 25.83 for three packs: two are 17.22, and with shipping 23.05. The course ships nothing.
	require.Equal(t, "23.05 8.61 18.00", texts(p.Shipments[0].Amount, p.Shipments[1].Amount, p.Shipments[2].Amount))
	require.Equal(t, []string{"berlin", "reno", ""}, []string{p.Shipments[0].Location, p.Shipments[1].Location, p.Shipments[2].Location})
	require.Equal(t, "5.83 EUR", p.Shipments[0].Shipping[0].Money.Payable.String())
	require.Equal(t, 1, p.Shipments[2].Lines[0].Item)
}

func TestAPreviewTellsWhetherTheGoodsAreThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stocked(map[string]map[string]int{"SKU-1": {"berlin": 1}, "SKU-2": {"berlin": 5}, "SKU-3": {"reno": 9}}, "SKU-3")
	order := func(backorder bool) orderPreview {
		items := []string{}
		for i := 1; i <= 3; i++ {
			items = append(items, fmt.Sprintf(`{"product_id": "p", "sku": "SKU-%d", "quantity": 2, "unit_price": "1.00"}`, i))
		}
		return b.preview(t, fmt.Sprintf(`{"currency": "EUR", "allow_backorder": %t, "items": [%s], "shipping_address": {"country": "DE"},
			"shipping_lines": [{"method": "standard", "amount": "4.00"}]}`, backorder, strings.Join(items, ",")))
	}
	out := order(false)
	require.EqualValues(t, "out_of_stock", out.Goods)
	require.Equal(t, []bool{true, false, true}, []bool{out.Stock[0].Missing, out.Stock[1].Missing, out.Stock[2].Missing})
	require.Equal(t, []int{1, 5, 0}, []int{out.Stock[0].Available, out.Stock[1].Available, out.Stock[2].Available}, "others wait for what there is of the third")
	require.Empty(t, out.Shipments)
	require.Equal(t, "10.00 EUR", out.Total.String())
	waits := order(true)
	require.EqualValues(t, "backordered", waits.Goods)
	require.Len(t, waits.Shipments, 2)
	require.True(t, waits.Shipments[0].Backordered)
	require.Len(t, waits.Shipments[0].Lines, 2)
	require.Equal(t, "berlin", waits.Shipments[1].Location)
	require.Equal(t, "8.00 2.00", texts(waits.Shipments[0].Amount, waits.Shipments[1].Amount))
}

// What decides on money and goods is required. What is given beside it is checked as it is of a new order.
func TestAPreviewNeedsOnlyWhatDecidesOnMoneyAndGoods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.stocked(nil)
	with := func(members string) string {
		return `{"currency": "EUR", "items": [{"product_id": "p", "sku": "s", "quantity": 1, "unit_price": "1.00"}], ` + members + `}`
	}
	for name, body := range map[string]string{
		"a country":                  with(`"shipping_address": {"country": "DE"}`),
		"a state where there is one": with(`"shipping_address": {"country": "CA", "state": "QC"}`),
		"some of the recipient":      with(`"shipping_address": {"country": "DE", "zip": "10119"}, "recipient": {"email": "ada@example.com"}`),
		"all of an order":            goodOrder,
	} {
		t.Run(name, func(t *testing.T) { b.preview(t, body) })
	}
	for name, c := range map[string]struct {
		body   string
		fields []string
	}{
		"no country":           {with(`"shipping_address": {}`), []string{"body:shipping_address.country"}},
		"no address":           {with(`"customer_id": "c"`), []string{"body:shipping_address"}},
		"no state":             {with(`"shipping_address": {"country": "CA"}`), []string{"body:shipping_address.state"}},
		"a state that is none": {with(`"shipping_address": {"country": "CA", "state": "ZZ"}`), []string{"body:shipping_address.state"}},
		"a zip that is none":   {with(`"shipping_address": {"country": "DE", "zip": "1"}`), []string{"body:shipping_address.zip"}},
		"a phone that is none": {with(`"shipping_address": {"country": "DE"}, "recipient": {"phone": "12"}`), []string{"body:recipient.phone"}},
		"a bill to nowhere":    {with(`"shipping_address": {"country": "DE"}, "billing_address": {"country": "DE", "city": "Berlin", "zip": "10119"}`), []string{"body:billing_address.line1"}},
		"a discount that is too large": {
			with(`"shipping_address": {"country": "DE"}, "discounts": [{"target": "order", "amount": "2.00"}]`), []string{"body:discounts[0].amount"},
		},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			p := b.post(t, previewPath, c.body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.Equal(t, c.fields, p.fields())
		})
	}
}

func TestAPreviewIsUnavailableWithoutTheStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.viewErr = errAway
	b.post(t, previewPath, goodOrder).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

// anOrder draws a new order of up to four lines, with taxes, discounts and shipping of all kinds.
func anOrder(t *rapid.T) string {
	currency := rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(t, "currency")
	amount := func(most int64) string {
		return money.FromMinorUnits(rapid.Int64Range(0, most).Draw(t, "amount"), currency).Text()
	}
	taxes := func() []any {
		taxes := []any{}
		for range rapid.IntRange(0, 2).Draw(t, "taxes") {
			taxes = append(taxes, map[string]any{"name": "tax", "rate": fmt.Sprintf("0.%02d", rapid.IntRange(1, 30).Draw(t, "rate")), "included": rapid.Bool().Draw(t, "included")})
		}
		return taxes
	}
	items, shipping, discounts := []any{}, []any{}, []any{}
	for i := range rapid.IntRange(1, 4).Draw(t, "lines") {
		items = append(items, map[string]any{
			"product_id": "p", "sku": fmt.Sprint("SKU-", i%3), "quantity": rapid.IntRange(1, 5).Draw(t, "quantity"), "unit_price": amount(3_000),
			"taxes": taxes(), "requires_shipping": rapid.IntRange(0, 4).Draw(t, "digital") > 0,
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "shipping lines") {
		shipping = append(shipping, map[string]any{"method": "standard", "amount": amount(900), "taxes": taxes()})
	}
	for range rapid.IntRange(0, 2).Draw(t, "discounts") {
		d := map[string]any{"target": rapid.SampledFrom([]string{"line", "order", "shipping"}).Draw(t, "target"), "percentage": fmt.Sprint(rapid.IntRange(1, 100).Draw(t, "percent"))}
		if d["target"] == "line" {
			d["items"] = []int{0}
		}
		if d["target"] != "shipping" || len(shipping) > 0 {
			discounts = append(discounts, d)
		}
	}
	body, err := json.Marshal(map[string]any{
		"customer_id": "c", "currency": currency, "items": items, "shipping_lines": shipping, "discounts": discounts, "payment_token": "tok_approve",
		"prices_include_tax": rapid.Bool().Draw(t, "included"), "allow_backorder": rapid.Bool().Draw(t, "backorder"), "recipient": map[string]any{"name": "Ada"},
		"rounding":         map[string]any{"mode": rapid.SampledFrom([]string{"half_up", "half_even"}).Draw(t, "mode"), "per": rapid.SampledFrom([]string{"line", "unit"}).Draw(t, "per")},
		"shipping_address": map[string]any{"line1": "Torstraße 1", "city": "Berlin", "zip": "10119", "country": "DE"},
	})
	require.NoError(t, err)
	return string(body)
}

// What a preview tells of an order is what the order is, once it was placed and confirmed on the same stock.
func TestAPreviewIsTheOrderThatIsPlaced(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		byValue := rapid.Bool().Draw(r, "by value")
		b := setup(t, func(o *Options) { o.ShippingByValue = byValue })
		levels := map[string]map[string]int{}
		for i := range 3 {
			levels[fmt.Sprint("SKU-", i)] = map[string]int{"berlin": rapid.IntRange(0, 6).Draw(r, "berlin"), "reno": rapid.IntRange(0, 6).Draw(r, "reno")}
		}
		b.stocked(levels)
		body := anOrder(r)
		p := b.preview(t, body)
		a := b.post(t, ordersPath, body)
		require.Equal(r, http.StatusCreated, a.status, a.body)
		for _, in := range b.started {
			requireSame(r, p, in, levels)
		}
		if len(p.Shipments) > 0 {
			sum := money.Zero(p.Total.Currency)
			for _, s := range p.Shipments {
				sum = sum.Add(s.Amount)
			}
			require.Zero(r, sum.Cmp(p.Total), "what would be captured is the total")
		}
	})
}

// requireSame places and confirms an order as the saga does, and holds it against its preview.
func requireSame(t *rapid.T, p orderPreview, in workflows.OrderInput, levels map[string]map[string]int) {
	o := evolved(t, order.Order{}, func(o order.Order) ([]domain.Event, error) {
		return order.Place(o, order.PlaceOrder{
			OrderID: in.OrderID, CustomerID: in.CustomerID, Items: in.Items, ShippingLines: in.ShippingLines, Discounts: in.Discounts, Rounding: in.Rounding,
			ShipToCountry: in.ShipToCountry, Terms: order.Terms{AllowBackorder: in.AllowBackorder, ShippingByValue: in.ShippingByValue},
		})
	})
	require.Zero(t, o.Total.Cmp(p.Total))
	for i, item := range o.Items {
		require.True(t, item.Breakdown().Equal(p.Items[i].Money))
	}
	for i, l := range o.ShippingLines {
		require.True(t, l.Breakdown().Equal(p.ShippingLines[i].Money))
	}
	allocations, err := inventory.Allocate(order.Lines(o.Items), []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}},
		func(sku, location string) int { return levels[sku][location] }, "DE", in.AllowBackorder)
	if err != nil {
		require.Equal(t, order.GoodsOutOfStock, p.Goods)
		return
	}
	waits := false
	for i, a := range allocations {
		if waits = waits || a.Backordered; a.Backordered { // they come to a place of their own
			allocations[i] = inventory.Allocation{SKU: a.SKU, Location: "hamburg", Quantity: a.Quantity}
		}
	}
	require.Equal(t, waits, p.Goods == order.GoodsBackordered)
	o = evolved(t, o, func(o order.Order) ([]domain.Event, error) {
		return order.Confirm(o, order.ConfirmOrder{Shipments: order.PlanShipments(o, allocations)})
	})
	require.Len(t, p.Shipments, len(o.Shipments))
	for i, s := range o.Shipments {
		told := p.Shipments[i]
		require.Equal(t, s.Location == "hamburg", told.Backordered)
		require.True(t, told.Backordered || told.Location == s.Location)
		require.Zero(t, s.Amount.Cmp(told.Amount))
		require.Len(t, told.Lines, len(s.Lines))
		for j, l := range s.Lines {
			require.Equal(t, o.Items[told.Lines[j].Item].LineID, l.LineID)
			require.Equal(t, l.Quantity, told.Lines[j].Quantity)
			require.True(t, l.Breakdown().Equal(told.Lines[j].Money))
		}
		require.Len(t, told.Shipping, len(s.Shipping))
		for j, share := range s.Shipping {
			require.Equal(t, o.ShippingLines[told.Shipping[j].ShippingLine].ShippingLineID, share.ShippingLineID)
			require.True(t, share.Breakdown().Equal(told.Shipping[j].Money))
		}
	}
}

func evolved(t *rapid.T, o order.Order, decide func(order.Order) ([]domain.Event, error)) order.Order {
	events, err := decide(o)
	require.NoError(t, err)
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	return o
}
