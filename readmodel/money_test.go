package readmodel_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// placedAs is the view of an order right after it was placed.
func placedAs(t *testing.T, c order.Content) readmodel.OrderView {
	t.Helper()
	id := uuid.New()
	events, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID: id, CustomerID: "c-1", Items: c.Items, ShippingLines: c.ShippingLines, Discounts: c.Discounts, Rounding: c.Rounding,
		ShipToCountry: "DE", Personal: domain.Sealed{Key: "k"}, RequestHash: "h",
	})
	require.NoError(t, err)
	v := readmodel.NewOrderView(id)
	for i, e := range events {
		v = v.ApplyOrder(domain.Envelope{AggregateID: id, Version: int64(i + 1)}, e)
	}
	return v
}

func TestTheViewShowsTheOrdersMoney(t *testing.T) {
	t.Parallel()
	price := money.Must("10.00", "EUR")
	c := order.Content{
		Items:         []order.Item{{ProductID: "p", SKU: "A", Quantity: 2, UnitPrice: price}},
		ShippingLines: []order.ShippingLine{{Method: "standard", Amount: money.Must("4.00", "EUR")}},
		Discounts:     []order.Discount{{Target: pricing.TargetOrder, Percentage: decimal.NewFromInt(10)}},
		Rounding:      pricing.Rounding{Mode: pricing.HalfEven},
	}
	priced, err := pricing.Price(pricing.Order{
		Currency: "EUR", Lines: []pricing.Line{{UnitPrice: price, Quantity: 2, Taxes: []pricing.TaxRule{{Name: "VAT", Rate: decimal.New(20, -2)}}}},
		Shipping: []pricing.ShippingLine{{Amount: money.Must("4.00", "EUR")}}, Rounding: c.Rounding,
		Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Percentage: decimal.NewFromInt(10)}},
	})
	require.NoError(t, err)
	v := placedAs(t, c.Priced(priced))
	var shown map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(v.Shown().JSON, &shown))
	require.JSONEq(t, `{
		"subtotal": {"amount": "20.00", "currency": "EUR"}, "discount": {"amount": "2.00", "currency": "EUR"},
		"shipping": {"amount": "4.00", "currency": "EUR"}, "tax": {"amount": "3.60", "currency": "EUR"},
		"total": {"amount": "25.60", "currency": "EUR"}
	}`, string(shown["totals"]))
	require.JSONEq(t, `{"mode": "half_even"}`, string(shown["rounding"]))
	require.Contains(t, string(shown["discounts"]), `"percentage":"10"`)
	require.Contains(t, string(shown["shipping_lines"]), `"method":"standard"`)
	require.Contains(t, string(shown["items"]), `"payable":{"amount":"21.60","currency":"EUR"}`)
}

func TestAnOrderThatCostsNothingNeedsNoPayment(t *testing.T) {
	t.Parallel()
	free := placedAs(t, order.Content{Items: []order.Item{{ProductID: "p", SKU: "A", Quantity: 1, UnitPrice: money.Zero("EUR")}}})
	require.Equal(t, readmodel.PaymentNotRequired, free.PaymentStatus)
	paid := placedAs(t, order.Content{Items: []order.Item{{ProductID: "p", SKU: "A", Quantity: 1, UnitPrice: money.Must("1.00", "EUR")}}})
	require.Equal(t, readmodel.PaymentPending, paid.PaymentStatus)
	var shown map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(paid.Shown().JSON, &shown))
	require.NotContains(t, shown, "totals", "they tell no more than the total")
	require.NotContains(t, shown, "rounding")
}
