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
	var open client.OrderReturns
	o.await("the return", func() bool {
		var err error
		open, err = o.ListOrderReturns(o.t.Context(), o.id)
		return err == nil && len(open.Returns) == 1 && open.Returns[0].Status == client.ReturnApproved
	})
	o.await("its goods", func() bool {
		_, err := o.ReceiveReturn(o.t.Context(), o.id, open.Returns[0].ReturnID, client.ReceivedReturn{Lines: []client.ReturnLine{{SKU: o.sku, Quantity: 1}}})
		return err == nil
	})
	o.await("its refund", func() bool {
		shown := o.shown()
		return len(shown.Returns) == 1 && shown.Returns[0].Status == client.ReturnRefunded
	})
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
