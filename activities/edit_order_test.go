package activities_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// editInput adds one piece at 5.00 of the goods in Berlin.
func (o *testOrder) editInput(change ...func(*activities.EditOrder)) activities.EditOrder {
	in := activities.EditOrder{
		OrderID: o.id, RequestID: o.shipment("edit"), RequestHash: "hash", Reason: "wish", By: order.ByCustomer, Keep: true, At: at,
		Add: []order.Item{{ProductID: "p-a", SKU: o.a, Quantity: 1, UnitPrice: eur("5.00")}},
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

// answered asks the gateway for the edited order with a token, and finishes the edit.
func (o *testOrder) answered(ask activities.Edited, token string) (activities.Edited, error) {
	in := o.authorizeInput(token)
	in.Amount, in.Again, in.Keep = ask.Ask, true, true
	if _, err := run(o, o.AuthorizePayment, in); err != nil {
		return activities.Edited{}, err
	}
	return run(o, o.FinishEdit, activities.FinishEdit{OrderID: o.id, At: at})
}

func TestEditOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("that costs less is carried out at once, all of it", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		out, err := run(o, o.EditOrder, o.editInput(func(in *activities.EditOrder) { in.Set = []order.LineQuantity{{SKU: o.b, Quantity: 1}} }))
		require.NoError(t, err)
		require.Zero(t, out.Ask)
		require.Equal(t, "45.00", o.orderState().Total.Text())
		require.Equal(t, []string{"25.00", "20.00"}, []string{out.Shipments[0].Amount.Text(), out.Shipments[1].Amount.Text()})
		require.Equal(t, 3, o.stock(o.a, "berlin").Reservations[o.id])
		require.Equal(t, 1, o.stock(o.b, "reno").Reservations[o.id])
		o.requireBalance("60", "0", "0")
		o.requireUnchanged(func() {
			again, err := run(o, o.EditOrder, o.editInput(func(in *activities.EditOrder) { in.Set = []order.LineQuantity{{SKU: o.b, Quantity: 1}} }))
			require.NoError(t, err)
			require.True(t, again.Replayed)
		})
	})
	// Fails where nobody looks at the authorisation that is replaced: what was captured from it without an answer is
	// captured from the other one again.
	t.Run("takes no money twice whose capture was never answered", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		paid := o.paymentState()
		_, err := o.gateway.Gateway.Capture(t.Context(), payments.CaptureRequest{
			IdempotencyKey: payment.CaptureKey(paid.ID, o.shipment("berlin"), 1, 1), At: at, PaymentID: paid.ID, GatewayRef: paid.GatewayRef,
			Amount: eur("20.00"), Capturable: paid.Capturable(),
		})
		require.NoError(t, err)
		ask, err := run(o, o.EditOrder, o.editInput())
		require.NoError(t, err)
		_, err = o.answered(ask, "tok_approve")
		require.NoError(t, err)
		for _, location := range []string{"berlin", "reno"} {
			require.NoError(t, o.dispatch(o.dispatchInput(location)))
		}
		require.Equal(t, "65.00", o.paymentState().Captured.Text())
		require.Equal(t, "65.00", o.paymentState().CapturedAtGateway().Text())
		o.requireBalance("20", "65", "0")
	})
	t.Run("that costs more changes the order once the money is authorised", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		ask, err := run(o, o.EditOrder, o.editInput())
		require.NoError(t, err)
		require.Equal(t, "65.00", ask.Ask.Text())
		require.Equal(t, "60.00", o.orderState().Total.Text(), "the order is as it was")
		o.requireUnchanged(func() { // the same request goes on with it
			again, err := run(o, o.EditOrder, o.editInput())
			require.NoError(t, err)
			require.Equal(t, "65.00", again.Ask.Text())
		})
		require.ErrorContains(t, errorOf(o, o.FinishEdit, activities.FinishEdit{OrderID: o.id, At: at}), "has not answered")
		out, err := o.answered(ask, "tok_approve")
		require.NoError(t, err)
		require.Empty(t, out.Declined)
		require.Equal(t, "65.00", o.orderState().Total.Text())
		o.requireBalance("65", "0", "0")
		for _, location := range []string{"berlin", "reno"} {
			require.NoError(t, o.dispatch(o.dispatchInput(location)))
		}
		o.requireBalance("0", "65", "0")
		require.Equal(t, 2, o.stock(o.a, "berlin").OnHand)
	})
	t.Run("whose money is declined leaves order, stock and payment as they were", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		before := o.orderState()
		ask, err := run(o, o.EditOrder, o.editInput())
		require.NoError(t, err)
		out, err := o.answered(ask, "tok_require_action")
		require.NoError(t, err)
		require.NotEmpty(t, out.Declined)
		after := o.orderState()
		require.Equal(t, []any{before.Items, before.Total, before.Shipments}, []any{after.Items, after.Total, after.Shipments})
		require.Equal(t, 2, o.stock(o.a, "berlin").Reservations[o.id])
		require.Nil(t, o.paymentState().Required, "no money is missing")
		o.requireBalance("60", "0", "0")
		requireRefused(t, order.CodeEditDeclined, errorOf(o, o.EditOrder, o.editInput()))
		for _, location := range []string{"berlin", "reno"} {
			require.NoError(t, o.dispatch(o.dispatchInput(location)))
		}
		o.requireBalance("0", "60", "0")
	})
	t.Run("that a cancellation overtakes is undone", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		_, err := run(o, o.EditOrder, o.editInput())
		require.NoError(t, err)
		require.NoError(t, o.cancel())
		out, err := run(o, o.FinishEdit, activities.FinishEdit{OrderID: o.id, At: at})
		require.NoError(t, err)
		require.Equal(t, order.CodeNotEditable, out.Declined)
		_, err = run(o, o.ReleaseStock, activities.ReleaseStock{OrderID: o.id, Lines: o.lines(), Reason: "order_cancelled", At: at})
		require.NoError(t, err)
		require.NoError(t, o.void())
		require.Equal(t, 5, o.stock(o.a, "berlin").Available())
		o.requireBalance("0", "0", "0")
	})
	t.Run("whose gateway refuses to answer is declined, and a late answer changes nothing", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		_, err := run(o, o.EditOrder, o.editInput())
		require.NoError(t, err)
		out, err := run(o, o.FinishEdit, activities.FinishEdit{OrderID: o.id, Refused: "gateway_refused", At: at})
		require.NoError(t, err)
		require.EqualValues(t, "gateway_refused", out.Declined)
		require.Nil(t, o.paymentState().Requested)
		require.Equal(t, 2, o.stock(o.a, "berlin").Reservations[o.id])
	})
	t.Run("of goods elsewhere makes a shipment of its own", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.receive("C-"+o.id.String(), "berlin", 1)
		out, err := run(o, o.EditOrder, o.editInput(func(in *activities.EditOrder) {
			in.Add[0].SKU, in.Set = "C-"+o.id.String(), []order.LineQuantity{{SKU: o.a, Quantity: 0}}
		}))
		require.NoError(t, err)
		require.Equal(t, "5.00", out.Shipments[0].Amount.Text(), "it joins the one that is to leave from there")
		require.Equal(t, []string{"C-" + o.id.String()}, out.Shipments[0].SKUs())
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			change func(*testOrder, *activities.EditOrder)
			code   domain.ErrorCode
		}{
			"an order that does not exist":    {func(_ *testOrder, in *activities.EditOrder) { in.OrderID = uuid.New() }, domain.CodeNotFound},
			"more than there is":              {func(_ *testOrder, in *activities.EditOrder) { in.Add[0].Quantity = 4 }, inventory.CodeOutOfStock},
			"what the customer did not agree": {func(_ *testOrder, in *activities.EditOrder) { in.Keep = false }, payment.CodePaymentMethodNotKept},
			"an authorisation that has ended": {func(_ *testOrder, in *activities.EditOrder) { in.At = at.Add(365 * 24 * time.Hour) }, payment.CodePaymentRequired},
			"to take out everything": {func(o *testOrder, in *activities.EditOrder) {
				in.Add, in.Set = nil, []order.LineQuantity{{SKU: o.a}, {SKU: o.b}}
			}, order.CodeNothingLeft},
			"another currency": {func(_ *testOrder, in *activities.EditOrder) { in.Add[0].UnitPrice.Currency = "USD" }, domain.CodeInvalid},
			"a quantity that the line has now": {func(o *testOrder, in *activities.EditOrder) {
				in.Add, in.Set = nil, []order.LineQuantity{{SKU: o.a, Quantity: 2}}
			}, domain.CodeInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).confirmed()
				o.requireUnchanged(func() {
					requireRefused(t, c.code, errorOf(o, o.EditOrder, o.editInput(func(in *activities.EditOrder) { c.change(o, in) })))
				})
			})
		}
		t.Run("an order of which a shipment has left", func(t *testing.T) {
			t.Parallel()
			o := b.order(t).dispatched()
			requireRefused(t, order.CodeNotEditable, errorOf(o, o.EditOrder, o.editInput()))
		})
	})
}
