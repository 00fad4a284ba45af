package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

func TestRefundPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	input := func(o *testOrder, amount string) activities.RefundPayment {
		return activities.RefundPayment{OrderID: o.id, RefundID: uuid.New(), Amount: eur(amount), Reason: "return", At: at}
	}

	t.Run("gives captured money back, once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		in := input(o, "20.00")
		require.NoError(t, errorOf(o, o.RefundPayment, in))
		o.requireBalance("0", "60", "20")
		require.Equal(t, "20.00", o.paymentState().Refunded.Text())
		o.requireUnchanged(func() {
			again, err := run(o, o.RefundPayment, in)
			require.NoError(t, err)
			require.True(t, again.Replayed)
			in.Amount = eur("1.00")
			requireRefused(t, domain.CodeIdempotencyKeyReused, errorOf(o, o.RefundPayment, in))
		})
		o.requireBalance("0", "60", "20")
	})
	t.Run("refuses more than was captured", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.requireUnchanged(func() {
			requireRefused(t, payment.CodeRefundExceedsCapture, errorOf(o, o.RefundPayment, input(o, "60.01")))
		})
		o.requireBalance("0", "60", "0")
	})
	t.Run("passes the gateway's refusal on", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		// Somebody has refunded all of it at the gateway itself.
		_, err := o.gateway.Gateway.Refund(t.Context(), payments.RefundRequest{
			IdempotencyKey: "by hand", PaymentID: payment.ID(o.id), GatewayRef: o.paymentState().GatewayRef, Amount: total,
		})
		require.NoError(t, err)
		o.requireUnchanged(func() {
			requireRefused(t, payments.CodeGatewayRefused, errorOf(o, o.RefundPayment, input(o, "20.00")))
		})
	})
	t.Run("is tried again while the gateway has no answer, and pays once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		in := input(o, "20.00")
		o.gateway.down = true
		o.requireUnchanged(func() { requireRetryable(t, errorOf(o, o.RefundPayment, in)) })
		o.gateway.down, o.gateway.answersLost = false, true
		o.requireUnchanged(func() { requireRetryable(t, errorOf(o, o.RefundPayment, in)) })
		o.gateway.answersLost = false
		require.NoError(t, errorOf(o, o.RefundPayment, in))
		o.requireBalance("0", "60", "20")
		require.Equal(t, "20.00", o.paymentState().Refunded.Text())
	})
}
