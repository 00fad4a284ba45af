package activities_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

func TestDispatchShipment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dispatch := func(o *testOrder, change ...func(*activities.DispatchShipment)) error {
		in := o.dispatchInput("berlin")
		for _, c := range change {
			c(&in)
		}
		return o.dispatch(in)
	}

	t.Run("captures in steps that the gateway takes; a share of zero joins the next", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, func(options *activities.Options) {
			options.Capabilities = payments.Capabilities{Amounts: func(string) (money.Limits, bool) {
				return money.Limits{Step: eur("30.00").Amount}, true
			}}
		}).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		require.Equal(t, order.ShipmentStatusDispatched, o.orderState().Shipments[0].Status)
		o.requireBalance("60", "0", "0")
		o.requireUnchanged(func() { require.NoError(t, o.dispatch(o.dispatchInput("berlin"))) })
		require.NoError(t, o.dispatch(o.dispatchInput("reno")))
		o.requireBalance("0", "60", "0")
	})
	t.Run("tells the gateway that nothing was captured before the order was confirmed", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		in := o.dispatchInput("berlin")
		in.At = at.Add(30 * time.Hour) // as of a step that is tried again
		require.NoError(t, o.dispatch(in))
		require.Len(t, o.gateway.captures, 1)
		require.True(t, o.orderState().ConfirmedAt.Equal(o.gateway.captures[0].AskedAt))
	})
	t.Run("records a capture that the gateway refuses, and asks under another key then", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "the card was closed"
		requireRefused(t, payments.CodeGatewayRefused, dispatch(o))
		items := attention.Of(o.orderState(), o.paymentState())
		require.Len(t, items, 1)
		require.Equal(t, attention.CauseCaptureFailed, items[0].Cause)
		require.Equal(t, o.shipment("berlin"), items[0].ShipmentID)
		require.Equal(t, "20.00 EUR the card was closed", items[0].Amount.String()+" "+items[0].Detail)
		require.Equal(t, []attention.Action{attention.ActionRetry, attention.ActionDispatch, attention.ActionCancel}, items[0].Actions)
		in := o.dispatchInput("berlin")
		in.At = in.At.Add(time.Minute)
		requireRefused(t, payments.CodeGatewayRefused, o.as("again").dispatch(in))
		require.Equal(t, 2, o.paymentState().CaptureFailures[0].Attempt)
		o.gateway.refuses = ""
		in.At = in.At.Add(time.Minute)
		require.NoError(t, o.as("mended").dispatch(in))
		require.Empty(t, attention.Of(o.orderState(), o.paymentState()))
		o.requireBalance("40", "20", "0")
		require.NotEqual(t, o.gateway.captures[1].IdempotencyKey, o.gateway.captures[2].IdempotencyKey)
	})
	t.Run("answers what the gateway has refused shortly before, so that a script makes few events", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "the card was closed"
		before := len(o.stored())
		in := o.dispatchInput("berlin")
		for n := range 1_000 { // one a second
			in.At = at.Add(time.Duration(n) * time.Second)
			require.ErrorContains(t, o.as(fmt.Sprintf("report %d", n)).dispatch(in), "the card was closed")
		}
		require.LessOrEqual(t, len(o.stored())-before, 12)
		require.LessOrEqual(t, len(o.gateway.captures), 12)
		o.gateway.refuses = ""
		in.At = in.At.Add(payment.CapturePauseMax)
		require.NoError(t, o.as("mended").dispatch(in))
		o.requireBalance("40", "20", "0")
		require.Empty(t, attention.Of(o.orderState(), o.paymentState()))
	})
	t.Run("asks at once for another amount than was refused, and for what a person lets be retried", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "the card was closed"
		requireRefused(t, payments.CodeGatewayRefused, dispatch(o))
		requireRefused(t, payments.CodeGatewayRefused, o.as("other").dispatch(o.dispatchInput("reno")))
		require.Len(t, o.gateway.captures, 2)
		for n := range 2 {
			v, err := run(o.as(fmt.Sprintf("retry %d", n)), o.RetryVoid, activities.VoidPayment{OrderID: o.id, At: at.Add(time.Duration(n) * time.Second)})
			require.NoError(t, err)
			require.False(t, v.Settled)
		}
		require.Len(t, o.gateway.voids, 2, "the gateway is asked each time")
	})
	t.Run("asks at once when a person tries it again, once for each refusal that was seen", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "the card was closed"
		requireRefused(t, payments.CodeGatewayRefused, dispatch(o))
		in := o.dispatchInput("berlin")
		in.After = 1
		requireRefused(t, payments.CodeGatewayRefused, o.as("retry").dispatch(in))
		require.Len(t, o.gateway.captures, 2)
		requireRefused(t, payments.CodeGatewayRefused, o.as("retry").dispatch(in))
		require.Len(t, o.gateway.captures, 2, "the same once more")
		f, refused := o.paymentState().RefusedCapture(o.shipment("berlin"))
		require.True(t, refused)
		require.Equal(t, []any{2, in.Carrier, in.TrackingNumber}, []any{f.Attempt, f.Carrier, f.TrackingNumber})
		o.gateway.refuses, in.After = "", 2
		require.NoError(t, o.as("mended").dispatch(in))
		o.requireBalance("40", "20", "0")
	})
	t.Run("captures the money, commits the stock and records that the shipment has left", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, dispatch(o))
		require.Equal(t, []string{
			"OrderPlaced", "OrderConfirmed", "ShipmentDispatched", "OrderShipped", "PaymentAuthorized", "PaymentCaptured",
			"StockReserved", "StockCommitted", "StockReserved",
		}, o.stored())
		o.requireBalance("40", "20", "0")
		require.Equal(t, 3, o.stock(o.a, "berlin").OnHand)
	})
	t.Run("captures what the shipment costs by its events, and answers with the order", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		_, err := run(o, o.CancelLines, activities.CancelLines{
			OrderID: o.id, RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: o.a, Quantity: 1}}, Reason: "x", By: order.ByCustomer, At: at,
		})
		require.NoError(t, err)
		moved, err := run(o, o.DispatchShipment, o.dispatchInput("berlin"))
		require.NoError(t, err)
		o.requireBalance("50", "10", "0")
		require.Equal(t, activities.Moved{Status: order.StatusShipped, Shipments: o.orderState().Shipments}, moved)
		again, err := run(o, o.DispatchShipment, o.dispatchInput("berlin"))
		require.NoError(t, err)
		moved.Replayed = true
		require.Equal(t, moved, again)
	})
	t.Run("takes effect once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, dispatch(o))
		o.requireUnchanged(func() { require.NoError(t, dispatch(o)) })
		o.requireBalance("40", "20", "0")
	})
	t.Run("refuses, and captures nothing", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			prepare func(*testOrder)
			change  func(*activities.DispatchShipment)
			code    domain.ErrorCode
		}{
			"an order that does not exist": {change: func(in *activities.DispatchShipment) { in.OrderID = uuid.New() }, code: domain.CodeNotFound},
			"an unknown shipment":          {change: func(in *activities.DispatchShipment) { in.ShipmentID = uuid.New() }, code: order.CodeShipmentNotFound},
			"a cancelled order":            {prepare: func(o *testOrder) { require.NoError(o.t, o.cancel()) }, code: order.CodeNotDispatchable},
			"a shipment all of which was cancelled": {prepare: func(o *testOrder) {
				_, err := run(o, o.CancelLines, activities.CancelLines{
					OrderID: o.id, RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: o.a, Quantity: 2}}, Reason: "x", By: order.ByCustomer, At: at,
				})
				require.NoError(o.t, err)
			}, code: order.CodeNotDispatchable},
			"goods that are not reserved": {
				change: func(in *activities.DispatchShipment) { in.SKUs = []string{"another"} }, code: inventory.CodeReservationNotFound,
			},
			"a text that can't be kept": {change: func(in *activities.DispatchShipment) { in.Carrier = "a\x00b" }, code: domain.CodeInvalid},
			"a payment that was voided": {prepare: func(o *testOrder) { require.NoError(o.t, o.void()) }, code: payment.CodeNotCapturable},
			"an authorisation that has expired": {
				change: func(in *activities.DispatchShipment) { in.At = at.Add(30 * 24 * time.Hour) }, code: payment.CodeAuthorizationExpired,
			},
			"what the gateway refuses": {prepare: func(o *testOrder) {
				o.gateway.refuses = "no captures today"
			}, code: payments.CodeGatewayRefused},
			"an authorisation that somebody has voided at the gateway": {prepare: func(o *testOrder) {
				require.NoError(o.t, o.gateway.Gateway.VoidElsewhere(payment.ID(o.id)))
			}, code: payment.CodeAuthorizationExpired},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).confirmed()
				if c.prepare != nil {
					c.prepare(o)
				}
				var changes []func(*activities.DispatchShipment)
				if c.change != nil {
					changes = append(changes, c.change)
				}
				before := o.stored()
				requireRefused(t, c.code, dispatch(o, changes...))
				after := slices.DeleteFunc(o.stored(), func(event string) bool { return event == "CaptureFailed" || event == "AuthorizationEnded" })
				require.Equal(t, before, after)
				asked := c.code == payments.CodeGatewayRefused || o.paymentState().Lapsed
				require.Equal(t, asked, len(o.paymentState().CaptureFailures) == 1)
				balance, err := o.gateway.Gateway.Balance(payment.ID(o.id))
				require.NoError(t, err)
				require.True(t, balance.Captured.IsZero(), balance.Captured)
			})
		}
	})
	t.Run("gives back the money that was taken of a shipment that is cancelled meanwhile", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.meanwhile = func() { require.NoError(t, o.cancel()) }
		for range 2 {
			requireRefused(t, order.CodeNotDispatchable, dispatch(o))
			require.Equal(t, "20.00", o.paymentState().Captured.Text())
			require.Equal(t, "20.00", o.paymentState().Refunded.Text())
			o.requireBalance("40", "20", "20")
		}
		require.Equal(t, 5, o.stock(o.a, "berlin").OnHand)
	})
	t.Run("is tried again while the gateway has no answer, and captures once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.down = true
		o.requireUnchanged(func() { requireRetryable(t, dispatch(o)) })
		o.gateway.down, o.gateway.answersLost = false, true
		o.requireUnchanged(func() { requireRetryable(t, dispatch(o)) })
		o.gateway.answersLost = false
		require.NoError(t, dispatch(o))
		o.requireBalance("40", "20", "0")
	})
}
