package order_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// shipped is a confirmed order of goods in Berlin (20.00) and Reno (10.00), a download (5.00), and shipping of 6.00.
func shipped(t *testing.T, byValue bool) order.Order {
	t.Helper()
	download := item("D", 1, "5.00")
	download.RequiresShipping = new(false)
	c := placeOrder(item("A", 2, "10.00"), item("B", 1, "10.00"), download)
	c.ShippingLines = []order.ShippingLine{{Method: "standard", Amount: money.Must("6.00", "EUR")}}
	c.Terms.ShippingByValue = byValue
	o := must(t, order.Order{}, func(o order.Order) ([]domain.Event, error) { return order.Place(o, c) })
	require.Equal(t, "41.00 EUR", o.Total.String())
	require.Equal(t, "6.00 EUR", o.Content().Totals().Shipping.String())
	require.Len(t, order.Lines(o.Items), 2, "a download wants nothing from the stock")
	return must(t, o, confirm(
		inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 2}, inventory.Allocation{SKU: "B", Location: "reno", Quantity: 1}))
}

// amountsOf are what the shipments cost now.
func amountsOf(o order.Order) (amounts []string) {
	for _, s := range o.Shipments {
		amounts = append(amounts, s.Amount.Text())
	}
	return amounts
}

func TestShippingGoesWithTheShipmentThatLeavesFirst(t *testing.T) {
	t.Parallel()
	o := shipped(t, false)
	berlin, reno, download := o.Shipments[0].ShipmentID, o.Shipments[1].ShipmentID, o.Shipments[2]
	require.Equal(t, []string{"26.00", "10.00", "5.00"}, amountsOf(o))
	require.True(t, download.Digital())

	o = must(t, o, dispatch(download.ShipmentID))
	require.Equal(t, []string{"26.00", "10.00", "5.00"}, amountsOf(o), "a download carries no shipping")
	leaving, _ := o.Leaving(reno)
	require.Equal(t, "16.00 EUR", leaving.Amount.String())
	require.Equal(t, "16.00 EUR", o.Share(reno, money.Must("5.00", "EUR"), money.Limits{}).String())
	o = must(t, o, dispatch(reno))
	require.Equal(t, []string{"20.00", "16.00", "5.00"}, amountsOf(o))
	o = must(t, o, dispatch(berlin))
	require.Equal(t, []string{"20.00", "16.00", "5.00"}, amountsOf(o), "it moves once")
	require.Equal(t, "6.00 EUR", o.CapturedFor(order.ShippingLineID(orderID, 1)).String())
	s, _ := o.Shipment(reno)
	require.Equal(t, []order.LineAmount{
		{LineID: order.LineID(orderID, 2), Quantity: 1, Amount: money.Must("10.00", "EUR")},
		{LineID: order.ShippingLineID(orderID, 1), Amount: money.Must("6.00", "EUR")},
	}, s.Parts(), "when it is lost, the shipping goes back with it")
}

func TestShippingOfACancelledShipmentGoesWithTheNext(t *testing.T) {
	t.Parallel()
	o := must(t, shipped(t, false), cancelLines(uuid.New(), order.LineQuantity{SKU: "A", Quantity: 2}))
	require.Equal(t, []string{"0.00", "16.00", "5.00"}, amountsOf(o))
	require.Equal(t, "21.00 EUR", o.Total.String())

	// With the last goods the shipping is cancelled too: a download needs none.
	o = must(t, o, cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: 1}))
	require.Equal(t, []string{"0.00", "0.00", "5.00"}, amountsOf(o))
	require.Equal(t, "5.00 EUR", o.Total.String())
	require.True(t, o.ShippingLines[0].Total().IsZero())
}

func TestShippingByValueStaysWithItsShipment(t *testing.T) {
	t.Parallel()
	o := shipped(t, true)
	require.Equal(t, []string{"24.00", "12.00", "5.00"}, amountsOf(o))
	o = must(t, o, dispatch(o.Shipments[1].ShipmentID))
	require.Equal(t, []string{"24.00", "12.00", "5.00"}, amountsOf(o))
	events, err := cancelLines(uuid.New(), order.LineQuantity{SKU: "A", Quantity: 2})(o)
	require.NoError(t, err)
	require.Equal(t, "24.00 EUR", events[0].(order.OrderLinesCancelled).Amount.String(), "its share goes with it")
}

// Discounts stay where they were allocated: what survives a cancellation costs what it did.
func TestACancellationMovesNoDiscount(t *testing.T) {
	t.Parallel()
	c := order.Content{Items: []order.Item{item("A", 3, "10.00"), item("B", 1, "5.00")}, Discounts: []order.Discount{{Target: pricing.TargetOrder}}}
	priced, err := pricing.Price(pricing.Order{
		Currency: "EUR", Lines: []pricing.Line{{UnitPrice: money.Must("10.00", "EUR"), Quantity: 3}, {UnitPrice: money.Must("5.00", "EUR"), Quantity: 1}},
		Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Amount: decimal.NewFromInt(10)}},
	})
	require.NoError(t, err)
	command := placeOrder()
	c = c.Priced(priced)
	command.Items, command.Discounts = c.Items, c.Discounts
	o := must(t, order.Order{}, func(o order.Order) ([]domain.Event, error) { return order.Place(o, command) })
	o = must(t, o, confirm(inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 3}, inventory.Allocation{SKU: "B", Location: "berlin", Quantity: 1}))
	require.Equal(t, "25.00 EUR", o.Total.String())
	require.Equal(t, []string{"8.57", "1.43"}, []string{o.Items[0].Breakdown().Discount().Text(), o.Items[1].Breakdown().Discount().Text()})

	o = must(t, o, cancelLines(uuid.New(), order.LineQuantity{SKU: "A", Quantity: 3}))
	require.Equal(t, "3.57 EUR", o.Total.String())
	require.Equal(t, "1.43 EUR", o.Items[0].Breakdown().Discount().String())
}

func TestAnOrderThatCostsNothingIsConfirmedAndLeaves(t *testing.T) {
	t.Parallel()
	o := must(t, order.Order{}, place(item("A", 1, "0.00")))
	o = must(t, o, confirm(inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 1}))
	require.True(t, o.Share(o.Shipments[0].ShipmentID, money.Zero("EUR"), money.Limits{}).IsZero())
	o = must(t, o, dispatch(o.Shipments[0].ShipmentID))
	o = must(t, o, deliver(o.Shipments[0].ShipmentID))
	require.Equal(t, order.StatusDelivered, o.Status)
}

func TestMoneyThatDoesNotAddUpIsRefused(t *testing.T) {
	t.Parallel()
	wrong := pricing.Breakdown{Gross: money.Must("10.00", "EUR"), Payable: money.Must("9.00", "EUR")}
	c := placeOrder(item("A", 1, "10.00"))
	c.Items[0].Money = &wrong
	c.ShippingLines = []order.ShippingLine{{Method: "x", Amount: money.Must("10.00", "EUR"), Money: &wrong}}
	_, err := order.Place(order.Order{}, c)
	require.Equal(t, []string{"items[0].money", "shipping_lines[0].money"}, fields(t, err))
}

// An order of nothing but prices is written as it was before orders had discounts, taxes and shipping.
func TestAPlainOrderIsWrittenAsBefore(t *testing.T) {
	t.Parallel()
	o := must(t, order.Order{}, place(item("A", 2, "10.00")))
	placed, err := order.Place(order.Order{}, placeOrder(item("A", 2, "10.00")))
	require.NoError(t, err)
	requireMembers(t, placed[0], "order_id order_number customer_id items total ship_to_country personal request_hash placed_at terms", "items",
		"line_id product_id sku quantity unit_price")
	confirmed, err := confirm(inventory.Allocation{SKU: "A", Location: "berlin", Quantity: 2})(o)
	require.NoError(t, err)
	requireMembers(t, confirmed[0], "order_id shipments confirmed_at", "shipments", "shipment_id location lines amount status")
	requireMembers(t, confirmed[0].(order.OrderConfirmed).Shipments[0], "shipment_id location lines amount status", "lines", "line_id sku quantity unit_price")
}

// requireMembers demands these members of an event, and of the first entry of one of its lists.
func requireMembers(t *testing.T, e any, members, list, ofEntry string) {
	t.Helper()
	b, err := json.Marshal(e)
	require.NoError(t, err)
	var event map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(b, &event))
	var entries []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(event[list], &entries))
	require.ElementsMatch(t, strings.Fields(members), keys(event))
	require.ElementsMatch(t, strings.Fields(ofEntry), keys(entries[0]))
}

func keys(m map[string]json.RawMessage) []string { return slices.Collect(maps.Keys(m)) }
