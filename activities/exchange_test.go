package activities_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// exchanged places an order of one piece at a price that two pieces of another order pay for, which are at 10.00. It
// returns the new order and what was asked for.
func (o *testOrder) exchanged(price string, onReceipt bool) (*testOrder, activities.PlaceOrder, error) {
	next := o.as("order-" + o.id.String() + "-exchange")
	in := o.exchangeInput(price, onReceipt)
	next.id = in.OrderID
	_, err := run(next, o.PlaceOrder, in)
	return next, in, err
}

func (o *testOrder) exchangeInput(price string, onReceipt bool) activities.PlaceOrder {
	in := o.placeInput()
	in.OrderID = domain.DerivedID(o.id, "exchange")
	in.Items = []order.Item{{ProductID: "p-b", SKU: o.b, Quantity: 1, UnitPrice: eur(price)}}
	in.Exchange = &activities.ExchangeGoods{
		Exchange: order.Exchange{OrderID: o.id, ReturnID: o.returnID(), OnReceipt: onReceipt},
		Lines:    []order.ReturnLine{{SKU: o.a, Quantity: 2, Reason: "does_not_fit"}}, Reason: "too_small", By: "ann", ExpiresAfter: 24 * time.Hour,
	}
	return in
}

func TestAnExchangeIsRecordedAtOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("for goods that are there", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		next, in, err := o.exchanged("25.00", true)
		require.NoError(t, err)
		require.Equal(t, "20.00", o.paymentState().Refunded.Text(), "what was captured for the goods")
		require.True(t, o.paymentState().RefundedAtGateway().IsZero())
		require.Equal(t, []string{"20.00", "5.00"}, []string{next.paymentState().Unapplied().Text(), next.paymentState().Lacking(eur("25.00")).Text()})
		require.Equal(t, order.HoldExchange, next.orderState().Held)
		r, _ := o.orderState().FindReturn(o.returnID())
		require.Equal(t, order.ReturnStatusApproved, r.Status)
		require.Equal(t, next.id, r.ExchangeOrderID)
		o.requireUnchanged(func() {
			placed, err := run(next, o.PlaceOrder, in)
			require.NoError(t, err)
			require.NotNil(t, placed.Standing)
		})
	})
	t.Run("for goods that it may wait for", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		in := o.exchangeInput("25.00", false)
		in.Items[0].Quantity, in.AllowBackorder = 9, true
		next := o.as("order-" + in.OrderID.String())
		next.id = in.OrderID
		placed, err := run(next, o.PlaceOrder, in)
		require.NoError(t, err)
		require.Empty(t, placed.Reserved.Allocations, "the saga waits for them")
		require.Equal(t, o.id, next.orderState().Exchange.OrderID)
		require.Equal(t, "20.00", next.paymentState().Unapplied().Text())
	})
	for name, c := range map[string]struct {
		change func(*testOrder, *activities.PlaceOrder)
		code   domain.ErrorCode
	}{
		"goods that are not there":   {func(_ *testOrder, in *activities.PlaceOrder) { in.Items[0].Quantity = 9 }, inventory.CodeOutOfStock},
		"another customer's order":   {func(_ *testOrder, in *activities.PlaceOrder) { in.CustomerID = "cus_2" }, domain.CodeNotFound},
		"more pieces than came":      {func(_ *testOrder, in *activities.PlaceOrder) { in.Exchange.Lines[0].Quantity = 3 }, domain.CodeInvalid},
		"goods of no order there is": {func(_ *testOrder, in *activities.PlaceOrder) { in.Exchange.OrderID = uuid.New() }, domain.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.order(t).delivered()
			in := o.placeInput()
			in.OrderID, in.Items = domain.DerivedID(o.id, "exchange"), []order.Item{{ProductID: "p-b", SKU: o.b, Quantity: 1, UnitPrice: eur("25.00")}}
			in.Exchange = &activities.ExchangeGoods{
				Exchange: order.Exchange{OrderID: o.id, ReturnID: o.returnID()}, Lines: []order.ReturnLine{{SKU: o.a, Quantity: 2, Reason: "other"}}, By: "ann",
			}
			c.change(o, &in)
			o.requireUnchanged(func() {
				_, err := run(o.as("order-"+in.OrderID.String()), o.PlaceOrder, in)
				requireRefused(t, c.code, err)
			})
		})
	}
}

// The goods decide what becomes of an order that waits for them, in the append that records them.
func TestAnOrderThatWaitsForGoodsGoesByThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("all of them come", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		next, _, err := o.exchanged("15.00", true)
		require.NoError(t, err)
		got, err := o.receiveReturn(order.ReturnLine{SKU: o.a, Quantity: 2, Restock: true})
		require.NoError(t, err)
		require.Equal(t, &activities.ExchangeStep{OrderID: next.id, By: "return-" + o.returnID().String(), Approve: true}, got.Exchange)
		require.Equal(t, "5.00", got.Refund.Amount.Text(), "what they are worth more")
		require.Empty(t, next.orderState().Held)
		o.requireUnchanged(func() {
			again, err := o.receiveReturn(order.ReturnLine{SKU: o.a, Quantity: 2, Restock: true})
			require.NoError(t, err)
			require.Equal(t, got.Exchange, again.Exchange, "it may not have been told")
		})
	})
	t.Run("fewer of them come", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		next, _, err := o.exchanged("25.00", true)
		require.NoError(t, err)
		_, err = o.receiveReturn(order.ReturnLine{SKU: o.a, Quantity: 1})
		require.NoError(t, err)
		require.Equal(t, "10.00", next.paymentState().Unapplied().Text())
		require.Equal(t, "15.00", next.paymentState().Lacking(eur("25.00")).Text())
		require.Equal(t, "10.00", o.paymentState().Refunded.Text())
		require.True(t, o.paymentState().Owed().IsZero())
		require.Empty(t, o.causes())
	})
	for name, end := range map[string]func(*testOrder) error{
		"they are refused": func(o *testOrder) error { _, err := o.decideReturn(order.ReturnRefuse); return err },
		"they do not come": func(o *testOrder) error { _, err := o.endReturns(at.Add(24 * time.Hour)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.order(t).delivered()
			next, _, err := o.exchanged("25.00", true)
			require.NoError(t, err)
			require.NoError(t, end(o))
			require.Equal(t, order.StatusCancelled, next.orderState().Status)
			owed := next.paymentState().OpenRefunds()
			require.Len(t, owed, 1)
			refund, err := run(next, o.RefundPayment, activities.RefundPayment{OrderID: next.id, RefundID: owed[0], At: at})
			require.NoError(t, err)
			require.Equal(t, payment.RefundStatusPaid, refund.Status)
			require.True(t, o.paymentState().Refunded.IsZero(), "the goods are paid for again")
			require.True(t, o.paymentState().Owed().IsZero())
			require.Empty(t, o.causes())
		})
	}
}

// Goods that do not come although the new order has left are a matter for people.
func TestACreditWithoutGoodsWaitsForAPerson(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).delivered()
	_, _, err := o.exchanged("25.00", false)
	require.NoError(t, err)
	require.Empty(t, o.causes())
	_, err = o.endReturns(at.Add(24 * time.Hour))
	require.NoError(t, err)
	items := attention.Of(o.orderState(), o.paymentState())
	require.Len(t, items, 1)
	require.Equal(t, attention.CauseExchangeUnpaid, items[0].Cause)
	require.Equal(t, "20.00", items[0].Amount.Text())
	_, err = run(o.as("attention"), o.ResolveAttention, activities.ResolveAttention{
		OrderID: o.id, RefundID: items[0].RefundID, Amount: eur("20.00"), Reference: "SEPA-1", By: "ann", At: at,
	})
	require.NoError(t, err)
	require.Empty(t, o.causes())
	o.requireUnchanged(func() {
		_, err := run(o.as("attention"), o.ResolveAttention, activities.ResolveAttention{
			OrderID: o.id, RefundID: items[0].RefundID, Amount: eur("20.00"), Reference: "SEPA-1", By: "ann", At: at,
		})
		require.NoError(t, err)
	})
}
