package e2e_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// requestedReturn asks to send pieces back.
func requestedReturn(sku string, quantity int) client.ReturnGoods {
	return client.ReturnGoods{
		Status: client.ReturnRequested, Lines: []client.ReturnLine{{SKU: sku, Quantity: quantity, Reason: client.ReasonDamaged}}, Reason: "broken",
	}
}

func (o *asked) returnRequested() {
	o.confirmed()
	o.ship("berlin")
	requested, err := o.ReturnGoods(o.t.Context(), o.id, requestedReturn(o.sku, 2))
	require.NoError(o.t, err)
	o.returned = requested.ReturnID
}

func (o *asked) returnApproved() {
	o.returnRequested()
	_, err := o.ApproveReturn(o.t.Context(), o.id, o.returned, client.ApprovedReturn{By: "ann"})
	require.NoError(o.t, err)
}

func (o *asked) cancelReturn() {
	_, err := o.CancelReturn(o.t.Context(), o.id, o.returned, client.CancelledReturn{})
	require.NoError(o.t, err)
}

// approveReturn leaves a return open whose goods are expected.
func (o *drilled) approveReturn() {
	o.t.Helper()
	requested, err := o.ReturnGoods(o.t.Context(), o.id, requestedReturn(o.sku, 2), client.IdempotencyKey("return-"+o.sku))
	require.NoError(o.t, err)
	_, err = o.ApproveReturn(o.t.Context(), o.id, requested.ReturnID, client.ApprovedReturn{By: "ann"})
	require.NoError(o.t, err)
}

// receiveReturn takes one piece of it back. The other one does not come.
func (o *drilled) receiveReturn() {
	o.t.Helper()
	r := o.approvedReturn()
	o.await("its goods", func() bool {
		_, err := o.ReceiveReturn(o.t.Context(), o.id, r.ReturnID, client.ReceivedReturn{Lines: []client.ReturnLine{{SKU: o.sku, Quantity: 1}}})
		return err == nil
	})
	o.await("its refund", func() bool {
		shown := o.shown()
		return len(shown.Returns) == 1 && shown.Returns[0].Status == client.ReturnRefunded
	})
}

// exchangeBody exchanges one piece for another one at this price, at once.
func exchangeBody(price string) string {
	return `{"lines": [{"sku": "$SKU", "quantity": 1, "reason": "other"}], "reason": "r", "by": "ann", "ship": "now", "order": {
		"items": [{"product_id": "p", "sku": "$SKU", "quantity": 1, "unit_price": "` + price + `"}], "payment_token": "tok_approve"}}`
}

// exchange leaves an exchange open whose new order, of 15.00, waits for goods of 10.00.
func (o *drilled) exchange() {
	o.t.Helper()
	_, err := o.ExchangeGoods(o.t.Context(), o.id, client.ExchangeGoods{
		Lines: []client.ReturnLine{{SKU: o.sku, Quantity: 1, Reason: client.ReasonDoesNotFit}}, Reason: "too small", By: "ann",
		Order: client.NewExchangeOrder{Items: []client.NewItem{{ProductID: "p", SKU: o.sku, Quantity: 1, UnitPrice: "15.00"}}, PaymentToken: "tok_approve"},
	}, client.IdempotencyKey("exchange-"+o.sku))
	require.NoError(o.t, err)
}

// receiveExchanged takes the goods, after which the new order goes out and is paid for by the credit and the rest.
func (o *drilled) receiveExchanged() {
	o.t.Helper()
	r := o.approvedReturn()
	o.await("its goods", func() bool {
		_, err := o.ReceiveReturn(o.t.Context(), o.id, r.ReturnID, client.ReceivedReturn{Lines: []client.ReturnLine{{SKU: o.sku, Quantity: 1}}})
		return err == nil
	})
	next := &drilled{shop: o.shop, t: o.t, sku: o.sku, id: r.ExchangeOrderID}
	next.awaitStatus(client.OrderConfirmed)
	next.ship("berlin")
	next.awaitStatus(client.OrderDelivered)
	money, err := o.GetOrderMoney(o.t.Context(), r.ExchangeOrderID)
	require.NoError(o.t, err)
	require.Equal(o.t, []client.Credit{{OrderID: o.id, Amount: client.Money{Amount: "10.00", Currency: "EUR"}}}, money.Credits)
	balance, err := o.gateway.Balance(payment.ID(r.ExchangeOrderID))
	require.NoError(o.t, err)
	require.Equal(o.t, "5.00 EUR", balance.Captured.String(), "what the new order costs more")
}

// approvedReturn is the return of the order whose goods are expected.
func (o *drilled) approvedReturn() client.Return {
	o.t.Helper()
	var open client.OrderReturns
	o.await("the return", func() bool {
		var err error
		open, err = o.ListOrderReturns(o.t.Context(), o.id)
		return err == nil && len(open.Returns) == 1 && open.Returns[0].Status == client.ReturnApproved
	})
	return open.Returns[0]
}

// killAsGoodsComeBack kills the platform right after an exchange of one order was recorded. The next one dies right
// after the goods of a return of another order were recorded. Nobody was told of either. The last one is told once
// more, and all of it counts once.
func killAsGoodsComeBack(t *testing.T, healthy *child, environment map[string]string, gateway *sandbox.Gateway, id, other uuid.UUID, onHand int) {
	shop := healthy.shop(t)
	requested, err := shop.ReturnGoods(t.Context(), id, requestedReturn("A", 1))
	require.NoError(t, err)
	_, err = shop.ApproveReturn(t.Context(), id, requested.ReturnID, client.ApprovedReturn{By: "ann"})
	require.NoError(t, err)
	healthy.stop(t)

	in := workflows.ReturnInput{
		OrderID: id, ReturnID: requested.ReturnID, Action: workflows.ReturnReceive, Lines: []order.ReturnLine{{SKU: "A", Quantity: 1, Restock: true}},
	}
	came := client.ReceivedReturn{Lines: []client.ReturnLine{{SKU: "A", Quantity: 1}}}
	c, next := killAsGoodsAreExchanged(t, environment, other, in.WorkflowID()+" ReturnGoods after")
	_, err = c.shop(t).ReceiveReturn(t.Context(), id, requested.ReturnID, came)
	require.Error(t, err)
	c.gone(t)

	healthy = startChild(t, environment, "")
	shop = healthy.shop(t)
	var told client.ReturnedGoods
	require.Eventually(t, func() bool {
		told, err = shop.ReceiveReturn(t.Context(), id, requested.ReturnID, came)
		return err == nil && told.Return.Status == client.ReturnRefunded
	}, patience, 50*time.Millisecond, "%+v", &told)
	require.Equal(t, "10.00 EUR", told.Amount.String())
	balance, err := gateway.Balance(payment.ID(id))
	require.NoError(t, err)
	require.Equal(t, "10.00 EUR", balance.Refunded.String())
	var stock client.Stock
	require.Eventually(t, func() bool {
		stock, err = shop.GetStock(t.Context(), "A")
		return err == nil && len(stock.Levels) == 1 && stock.Levels[0].OnHand == onHand+1
	}, patience, 50*time.Millisecond, "stock: %+v", &stock)
	exchangedOnce(t, shop, gateway, other, next)
	healthy.stop(t)
}

// killAsGoodsAreExchanged kills the platform right after an exchange was recorded, before anything was authorised, and
// nobody was answered. The next one asks the gateway once, and answers a repeat with the same order. It runs until
// the next kill.
func killAsGoodsAreExchanged(t *testing.T, environment map[string]string, id uuid.UUID, kill string) (c *child, next uuid.UUID) {
	const key = "exchange-killed"
	exchanges := domain.DerivedID(uuid.NewSHA1(uuid.NameSpaceDNS, []byte("api.orderloom")), "exchange")
	next = domain.DerivedID(domain.DerivedID(exchanges, id.String()), "\x00"+key)
	goods := client.ExchangeGoods{
		Lines: []client.ReturnLine{{SKU: "A", Quantity: 1, Reason: client.ReasonDoesNotFit}}, Reason: "too small", By: "ann", Ship: client.ShipNow,
		Order: client.NewExchangeOrder{Items: []client.NewItem{{ProductID: "p", SKU: "A", Quantity: 1, UnitPrice: "15.00"}}, PaymentToken: "tok_approve"},
	}
	c = startChild(t, environment, workflows.OrderSagaID(next)+" PlaceOrder after")
	_, err := c.shop(t).ExchangeGoods(t.Context(), id, goods, client.IdempotencyKey(key))
	require.Error(t, err)
	c.gone(t)

	c = startChild(t, environment, kill)
	var exchanged client.Exchanged
	require.Eventually(t, func() bool {
		exchanged, err = c.shop(t).ExchangeGoods(t.Context(), id, goods, client.IdempotencyKey(key))
		return err == nil && !exchanged.Pending
	}, patience, 50*time.Millisecond, "%+v", &exchanged)
	require.Equal(t, next, exchanged.NewOrderID)
	require.True(t, exchanged.Replayed)
	return c, next
}

// exchangedOnce takes the new order of an exchange to its end. One credit pays for it, and the rest is captured once.
func exchangedOnce(t *testing.T, shop *client.Client, gateway *sandbox.Gateway, id, next uuid.UUID) {
	var returns client.OrderReturns
	var err error
	require.Eventually(t, func() bool { // the views are late after a kill
		returns, err = shop.ListOrderReturns(t.Context(), id)
		return err == nil && len(returns.Returns) == 1
	}, patience, 50*time.Millisecond, "%+v", &returns)
	require.Equal(t, next, returns.Returns[0].ExchangeOrderID)
	var last client.Order
	require.Eventually(t, func() bool {
		advance(t, shop, show(t, shop, next))
		last = show(t, shop, next)
		return last.Status == client.OrderDelivered
	}, patience, 50*time.Millisecond, "%+v", &last)
	shown, err := shop.GetOrderMoney(t.Context(), next)
	require.NoError(t, err)
	require.Equal(t, []client.Credit{{OrderID: id, Amount: client.Money{Amount: "10.00", Currency: "EUR"}}}, shown.Credits)
	balance, err := gateway.Balance(payment.ID(next))
	require.NoError(t, err)
	require.Equal(t, "5.00 EUR", balance.Captured.String(), "what the new order costs more")
	require.True(t, balance.Held.IsZero(), "%s is still held", balance.Held)
}
