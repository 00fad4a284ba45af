package order_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// The example of docs/money.md: an order of coffee and a course, from its prices to a return.
func TestTheWorkedExample(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	eur := func(s string) money.Money { return money.Must(s, "EUR") }
	tax := func(rate string, included bool) []pricing.TaxRule {
		return []pricing.TaxRule{{Name: "MwSt", Rate: decimal.RequireFromString(rate), Included: included}}
	}
	priced, err := pricing.Price(pricing.Order{
		Currency: "EUR",
		Lines: []pricing.Line{
			{UnitPrice: eur("9.90"), Quantity: 3, Taxes: tax("0.07", true)},
			{UnitPrice: eur("20.00"), Quantity: 1, Taxes: tax("0.19", true)},
		},
		Shipping:  []pricing.ShippingLine{{Amount: eur("4.90"), Taxes: tax("0.19", false)}},
		Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Amount: decimal.NewFromInt(5)}},
	})
	require.NoError(t, err)
	content := order.Content{
		Items: []order.Item{
			{ProductID: "p-espresso", SKU: "ESP-250", Quantity: 3, UnitPrice: eur("9.90")},
			{ProductID: "p-course", SKU: "COURSE", Quantity: 1, UnitPrice: eur("20.00"), RequiresShipping: new(false)},
		},
		ShippingLines: []order.ShippingLine{{Method: "standard", Amount: eur("4.90")}},
		Discounts:     []order.Discount{{Target: pricing.TargetOrder, Amount: eur("5.00")}},
	}.Priced(priced)
	fmt.Fprintln(&out, "placed")
	tell(&out, "3 espresso", content.Items[0].Breakdown())
	tell(&out, "1 course", content.Items[1].Breakdown())
	tell(&out, "shipping", content.ShippingLines[0].Breakdown())
	fmt.Fprintln(&out, "total", content.Total())

	then := func(o order.Order, events []domain.Event, err error) order.Order {
		require.NoError(t, err)
		return apply(o, events)
	}
	c := placeOrder(content.Items...)
	c.ShippingLines, c.Discounts = content.ShippingLines, content.Discounts
	events, err := order.Place(order.Order{}, c)
	o := then(order.Order{}, events, err)
	plan := order.PlanShipments(o, []inventory.Allocation{
		{SKU: "ESP-250", Location: "berlin", Quantity: 2}, {SKU: "ESP-250", Location: "reno", Quantity: 1},
	})
	events, err = order.Confirm(o, order.ConfirmOrder{Shipments: plan})
	o = then(o, events, err)
	fmt.Fprintln(&out, "confirmed")
	tellShipments(&out, o)

	berlin, reno, course := o.Shipments[0].ShipmentID, o.Shipments[1].ShipmentID, o.Shipments[2].ShipmentID
	for _, id := range []uuid.UUID{course, reno, berlin} {
		events, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: id})
		o = then(o, events, err)
		events, err = order.Deliver(o, order.DeliverShipment{ShipmentID: id, At: at})
		o = then(o, events, err)
	}
	fmt.Fprintln(&out, "delivered, the course first, then from reno")
	tellShipments(&out, o)

	events, err = order.Return(o, order.ReturnOrder{
		ReturnID: uuid.NameSpaceOID, Lines: []order.ReturnLine{{SKU: "ESP-250", Quantity: 1}}, Reason: "stale", At: at.Add(time.Hour),
	})
	require.NoError(t, err)
	fmt.Fprintln(&out, "one espresso comes back")
	tell(&out, "1 espresso", *events[0].(order.OrderReturned).Lines[0].Money)
	want, err := os.ReadFile("testdata/worked_example.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

func tell(out io.Writer, what string, b pricing.Breakdown) {
	fmt.Fprintf(out, "  %-10s gross %5s  discount %4s  tax %4s  payable %5s\n", what, b.Gross.Text(), b.Discount().Text(), b.Tax().Text(), b.Payable.Text())
}

func tellShipments(out io.Writer, o order.Order) {
	for _, s := range o.Shipments {
		var parts []string
		for _, p := range s.Parts() {
			parts = append(parts, p.Amount.Text())
		}
		from := "from " + s.Location
		if s.Digital() {
			from = "course"
		}
		fmt.Fprintf(out, "  %-11s %5s = %s\n", from, s.Amount.Text(), strings.Join(parts, " + "))
	}
}
