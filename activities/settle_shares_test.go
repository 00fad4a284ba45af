package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// capturesFrom is a gateway that captures at least this much.
func capturesFrom(least string) func(*activities.Options) {
	return func(options *activities.Options) {
		options.Capabilities = payments.Capabilities{Amounts: func(string) (money.Limits, bool) {
			return money.Limits{CaptureMin: eur(least).Amount}, true
		}}
	}
}

func (o *testOrder) cancelAll(sku string) activities.LinesCancelled {
	return o.cancelPieces(sku, 2)
}

func (o *testOrder) cancelPieces(sku string, quantity int) activities.LinesCancelled {
	o.t.Helper()
	out, err := run(o, o.CancelLines, activities.CancelLines{
		OrderID: o.id, RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: sku, Quantity: quantity}}, Reason: "x", By: order.ByCustomer, At: at,
	})
	require.NoError(o.t, err)
	return out
}

// owed returns the only refund of the payment, as "20.00 shipment_lost".
func (o *testOrder) owed() string {
	o.t.Helper()
	refunds := o.paymentState().Refunds
	require.Len(o.t, refunds, 1)
	return refunds[0].Amount.Text() + " " + refunds[0].Reason
}

// The order has a shipment of 20.00 in Berlin and one of 40.00 in Reno.
func TestSharesEndWithTheLastShipment(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("what waits for a shipment that is cancelled is waived", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, capturesFrom("25.00")).confirmed()
		moved, err := run(o, o.DispatchShipment, o.dispatchInput("berlin"))
		require.NoError(t, err)
		require.Equal(t, "20.00", moved.Open.Text(), "it waits for the shipment from Reno")
		require.False(t, moved.HoldsMore)
		cancelled := o.cancelAll(o.b)
		require.True(t, cancelled.HoldsMore, "the authorisation is of no use any more")
		o.requireBalance("60", "0", "0")
		waivers := o.paymentState().Waivers
		require.Len(t, waivers, 1)
		require.Equal(t, "20.00 below_minimum", waivers[0].Amount.Text()+" "+waivers[0].Reason)
		require.Equal(t, []payment.RefundLine{{LineID: order.LineID(o.id, 1), Amount: eur("20.00")}}, waivers[0].Lines)
	})
	t.Run("a shipment leaves whose share became too small", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, capturesFrom("25.00")).confirmed()
		o.cancelAll(o.b)
		moved, err := run(o, o.DispatchShipment, o.dispatchInput("berlin"))
		require.NoError(t, err)
		require.True(t, moved.HoldsMore)
		require.Empty(t, o.gateway.captures, "the gateway would refuse it")
		require.Equal(t, "20.00", o.paymentState().Waived().Text())
		o.requireUnchanged(func() { require.NoError(t, o.dispatch(o.dispatchInput("berlin"))) })
	})
	t.Run("what was taken for a shipment that is cancelled afterwards is owed", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, capturesFrom("25.00")).confirmed()
		moved, err := run(o, o.DispatchShipment, o.dispatchInput("reno"))
		require.NoError(t, err)
		o.requireBalance("0", "60", "0")
		require.Equal(t, "-20.00", moved.Open.Text(), "the share of Berlin was too small to come alone")
		cancelled := o.cancelAll(o.a)
		require.Equal(t, "20.00 captured_in_excess", o.owed())
		require.Equal(t, []uuid.UUID{o.paymentState().Refunds[0].RefundID}, cancelled.Refunds)
		require.False(t, cancelled.HoldsMore)
	})
	t.Run("what was taken for a part that is cancelled afterwards is owed", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, capturesFrom("25.00")).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("reno")))
		o.cancelPieces(o.a, 1)
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		require.Equal(t, "10.00 captured_in_excess", o.owed())
		require.Len(t, o.gateway.captures, 1)
	})
	t.Run("a shipment that is lost before it was paid is never charged", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, capturesFrom("25.00")).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		lost, err := run(o, o.LoseShipment, o.endInput("berlin"))
		require.NoError(t, err)
		require.True(t, lost.Open.IsZero())
		moved, err := run(o, o.DispatchShipment, o.dispatchInput("reno"))
		require.NoError(t, err)
		o.requireBalance("20", "40", "0")
		require.True(t, moved.HoldsMore)
		require.Empty(t, o.paymentState().Refunds)
		require.Equal(t, payment.ReasonShipmentLost, o.paymentState().Waivers[0].Reason)
	})
	t.Run("a shipment that is lost gives back its own money, not that of the next", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, capturesFrom("25.00")).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("reno")))
		_, err := run(o, o.RefuseShipment, o.endInput("reno"))
		require.NoError(t, err)
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		require.Equal(t, "40.00 shipment_refused", o.owed())
		require.Len(t, o.gateway.captures, 1)
	})
}

// It fails when the remainder is waived while money is there that pays for it (settle_shares.go, applyUnapplied).
func TestNothingIsWaivedThatMoneyCapturedElsewherePaysFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ elsewhere, waived, owed string }{
		{"5.00", "15.00", ""}, {"20.00", "0.00", ""}, {"30.00", "0.00", "10.00 captured_elsewhere"},
	} {
		for name, end := range map[string]func(*testOrder){
			"the rest is cancelled after it has left": func(o *testOrder) {
				require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
				o.cancelAll(o.b)
			},
			"it leaves after the rest was cancelled": func(o *testOrder) {
				o.cancelAll(o.b)
				for range 2 {
					require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
				}
			},
		} {
			t.Run(c.elsewhere+", "+name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t, capturesFrom("25.00")).confirmed()
				_, err := o.gateway.CaptureElsewhere(payment.ID(o.id), eur(c.elsewhere))
				require.NoError(t, err)
				report := activities.RecordGatewayEvent{PaymentID: payment.ID(o.id), At: at}
				_, err = run(o.as("report-"+o.id.String()), o.RecordGatewayEvent, report)
				require.NoError(t, err)
				end(o)
				p := o.paymentState()
				require.Equal(t, c.waived, p.Waived().Text())
				require.True(t, p.Unapplied().IsZero())
				require.Empty(t, o.gateway.captures)
				if c.owed == "" {
					require.Empty(t, p.Refunds)
					return
				}
				require.Equal(t, c.owed, o.owed())
			})
		}
	}
}

// The order changes between a capture whose answer was lost and the next attempt, because the execution was replaced.
// The same key has captured the amount of before, which is what the books have to say.
func TestTheAmountCapturedIsTheAmountRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.order(t).confirmed()
	o.gateway.answersLost = true
	requireRetryable(t, o.dispatch(o.dispatchInput("berlin")))
	o.gateway.answersLost = false
	o.requireBalance("40", "20", "0")
	o.as("another-saga").cancelPieces(o.a, 1)

	require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
	require.Equal(t, "20.00", o.paymentState().Captured.Text())
	o.requireBalance("40", "20", "0")
	require.Empty(t, o.paymentState().Refunds, "the next share is less by what was taken")
	require.NoError(t, o.dispatch(o.dispatchInput("reno")))
	o.requireBalance("10", "50", "0")
	require.Equal(t, "50.00", o.paymentState().Captured.Text())
}
