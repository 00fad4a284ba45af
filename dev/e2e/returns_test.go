package e2e_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
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

// killAsGoodsComeBack kills the platform right after the goods of a return were recorded, and nobody was told. The next
// one is told once more, and all of it counts once.
func killAsGoodsComeBack(t *testing.T, healthy *child, environment map[string]string, gateway *sandbox.Gateway, id uuid.UUID, onHand int) {
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
	c := startChild(t, environment, in.WorkflowID()+" ReturnGoods after")
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
	healthy.stop(t)
}
