package e2e_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/stretchr/testify/require"
)

// moneyOfAnOrder takes the order of docs/money.md from its request to what is shown of its refunds, and one that costs
// nothing to its delivery.
func moneyOfAnOrder(t *testing.T, p *platform.Platform) {
	shop, err := client.New(p.APIURL)
	require.NoError(t, err)
	ctx, sku := t.Context(), "coffee-"+uuid.NewString()
	_, err = shop.ReceiveStock(ctx, client.Receipt{SKU: sku, Location: p.Locations()[0], Quantity: 9})
	require.NoError(t, err)
	order := client.NewOrder{
		CustomerID: "eve", Currency: "EUR", PaymentToken: "tok_approve", PricesIncludeTax: true,
		Items: []client.NewItem{
			{ProductID: "p", SKU: sku, Name: "Espresso", Quantity: 3, UnitPrice: "9.90", Taxes: []client.NewTax{{Name: "MwSt", Rate: "0.07"}}},
			{ProductID: "c", SKU: "COURSE", Quantity: 1, UnitPrice: "20.00", Taxes: []client.NewTax{{Name: "MwSt", Rate: "0.19"}}, RequiresShipping: new(false)},
		},
		ShippingLines:   []client.NewShippingLine{{Method: "standard", Amount: "4.90", Taxes: []client.NewTax{{Name: "MwSt", Rate: "0.19", Included: new(false)}}}},
		Discounts:       []client.NewDiscount{{Target: client.DiscountOrder, Amount: "5.00", Code: "FIVE"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}
	var preview client.OrderPreview
	require.Eventually(t, func() bool { // the view of the stock follows
		var err error
		preview, err = shop.PreviewOrder(ctx, order.ToPreview())
		return err == nil && preview.Goods == client.GoodsAvailable
	}, time.Minute, 50*time.Millisecond)
	placed, err := shop.PlaceOrder(ctx, order, client.Wait(10*time.Second))
	require.NoError(t, err)
	require.Equal(t, "50.53 EUR", placed.Order.Total.String())
	requirePreviewed(t, preview, *placed.Order)
	shown := func(what string, is func(client.Order) bool) (o client.Order) {
		require.Eventually(t, func() bool {
			var err error
			o, err = shop.GetOrder(ctx, placed.OrderID)
			return err == nil && is(o)
		}, time.Minute, 50*time.Millisecond, what)
		return o
	}
	o := shown("the course is captured and delivered", func(o client.Order) bool {
		return o.Captured.Amount == "17.99" && o.FulfillmentStatus == client.PartiallyDelivered
	})
	require.Equal(t, client.OrderShipped, o.Status)
	require.Equal(t, []string{"49.70 EUR", "5.00 EUR", "4.90 EUR", "5.55 EUR"},
		[]string{o.Totals.Subtotal.String(), o.Totals.Discount.String(), o.Totals.Shipping.String(), o.Totals.Tax.String()})
	goods := o.Shipments[0]
	require.Equal(t, "32.54 EUR", goods.Amount.String(), "three packs and the shipping")
	require.Equal(t, "5.83 EUR", goods.Shipping[0].Amount.String())

	_, err = shop.DispatchShipment(ctx, placed.OrderID, goods.ShipmentID, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
	require.NoError(t, err)
	_, err = shop.DeliverShipment(ctx, placed.OrderID, goods.ShipmentID)
	require.NoError(t, err)
	returned, err := shop.ReturnGoods(ctx, placed.OrderID, client.ReturnGoods{Lines: []client.ReturnLine{{SKU: sku, Quantity: 1}}, Reason: "stale"})
	require.NoError(t, err)
	require.Equal(t, "8.90 EUR", returned.Refund.Amount.String())
	line := returned.Refund.Lines[0]
	require.Equal(t, []string{"9.90", "1.00", "0.58"}, []string{line.Money.Gross.Amount, line.Money.Discounts[0].Amount.Amount, line.Money.Taxes[0].Amount.Amount})
	refunded, err := shop.RefundPayment(ctx, placed.OrderID, client.RefundPayment{
		Lines: []client.RefundLineRequest{{ShippingLineID: goods.Shipping[0].ShippingLineID}}, Reason: "late",
	})
	require.NoError(t, err)
	require.Equal(t, "5.83 EUR", refunded.Refund.Amount.String())
	shown("the view tells it", func(o client.Order) bool {
		return o.Captured.Amount == "50.53" && o.Refunded.Amount == "14.73" && o.Status == client.OrderDelivered
	})

	order.Items, order.ShippingLines, order.Discounts = order.Items[:1], nil, nil
	order.Items[0].UnitPrice, order.PaymentToken = "0", "tok_decline"
	placed, err = shop.PlaceOrder(ctx, order, client.Wait(10*time.Second))
	require.NoError(t, err)
	require.Equal(t, client.OrderConfirmed, placed.Order.Status)
	require.Equal(t, client.PaymentNotRequired, placed.Order.PaymentStatus)
	gift := placed.Order.Shipments[0].ShipmentID
	_, err = shop.DispatchShipment(ctx, placed.OrderID, gift, client.Dispatch{Carrier: "DHL", TrackingNumber: "T2"})
	require.NoError(t, err)
	_, err = shop.DeliverShipment(ctx, placed.OrderID, gift)
	require.NoError(t, err)
	shown("it is delivered and settled", func(o client.Order) bool { return o.Status == client.OrderDelivered && o.Settled })
}

// requirePreviewed demands that an order is what its preview told.
func requirePreviewed(t *testing.T, p client.OrderPreview, o client.Order) {
	t.Helper()
	require.Equal(t, o.Total, p.Total)
	require.Equal(t, *o.Totals, p.Totals)
	require.Len(t, p.Items, len(o.Items))
	for i, item := range o.Items {
		require.Equal(t, *item.Money, p.Items[i].Money)
	}
	require.Len(t, p.Shipments, len(o.Shipments))
	for i, s := range o.Shipments {
		told := p.Shipments[i]
		require.Equal(t, []any{s.Location, s.Amount}, []any{told.Location, told.Amount})
		for j, l := range s.Lines {
			require.Equal(t, o.Items[told.Lines[j].Item].LineID, l.LineID)
			require.Equal(t, []any{l.Quantity, *l.Money}, []any{told.Lines[j].Quantity, told.Lines[j].Money})
		}
		require.Len(t, told.Shipping, len(s.Shipping))
		for j, share := range s.Shipping {
			require.Equal(t, *share.Money, told.Shipping[j].Money)
		}
	}
}
