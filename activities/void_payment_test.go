package activities_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestVoidPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("lets authorised money go, once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place().authorize()
		o.requireBalance("60", "0", "0")
		require.NoError(t, o.void())
		o.requireBalance("0", "0", "0")
		require.Equal(t, payment.StatusVoided, o.paymentState().Status)
		o.requireUnchanged(func() { require.NoError(t, o.void()) })
	})
	t.Run("keeps what was captured", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		require.NoError(t, o.void())
		o.requireBalance("0", "20", "0")
		require.Equal(t, payment.StatusCaptured, o.paymentState().Status)
	})
	t.Run("does nothing when nothing is left to let go", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.gateway.down = true // it is not even asked
		o.requireUnchanged(func() { require.NoError(t, o.void()) })
	})
	t.Run("closes a payment of which nothing is known", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		require.NoError(t, o.void())
		require.Equal(t, payment.StatusVoided, o.paymentState().Status)
	})
	t.Run("lets money go whose authorisation was never answered", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.gateway.answersLost = true
		_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_approve"))
		requireRetryable(t, err)
		o.requireBalance("60", "0", "0")
		o.gateway.answersLost = false
		require.NoError(t, o.void())
		o.requireBalance("0", "0", "0")
	})
	t.Run("lets nothing go that is secured, where that is asked for", func(t *testing.T) {
		t.Parallel()
		unsecured := activities.VoidPayment{Reason: "payment_not_secured", Unsecured: true, At: at}
		for _, o := range []*testOrder{b.order(t).place().authorize(), b.order(t).confirmed(), b.order(t).dispatched()} {
			unsecured.OrderID = o.id
			o.gateway.down = true // it is not even asked
			o.requireUnchanged(func() {
				_, err := run(o, o.VoidPayment, unsecured)
				require.NoError(t, err)
			})
		}
		o := b.order(t).place()
		answer, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_require_action"))
		require.NoError(t, err)
		require.Equal(t, payment.StatusActionRequired, answer.Status)
		unsecured.OrderID = o.id
		_, err = run(o, o.VoidPayment, unsecured)
		require.NoError(t, err)
		require.Equal(t, payment.StatusVoided, o.paymentState().Status)
	})
	t.Run("lets nothing go that a confirmed order asks its bank for, where that is asked for", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		later := at.Add(payment.AuthorizationLife + time.Hour)
		_, err := run(o, o.AuthorizePayment, activities.AuthorizePayment{OrderID: o.id, Amount: total, Within: time.Hour, At: later})
		require.NoError(t, err)
		o.provide("tok_require_action", false, later)
		answer, err := run(o, o.AuthorizePayment, activities.AuthorizePayment{OrderID: o.id, Amount: total, Within: time.Hour, At: later})
		require.NoError(t, err)
		require.Equal(t, payment.StatusActionRequired, answer.Status)
		o.requireUnchanged(func() {
			_, err := run(o, o.VoidPayment, activities.VoidPayment{OrderID: o.id, Reason: "payment_not_secured", Unsecured: true, At: later})
			require.NoError(t, err)
		})
	})
	t.Run("asks the gateway at the time of this step", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place().authorize()
		require.NoError(t, o.void())
		require.True(t, at.Equal(o.gateway.voids[0].AskedAt))
	})
	t.Run("is tried again while the gateway has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place().authorize()
		o.gateway.down = true
		o.requireUnchanged(func() { requireRetryable(t, o.void()) })
		o.gateway.down = false
		require.NoError(t, o.void())
	})
	t.Run("records a refusal, and is tried again under another key", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "there is no such payment"
		require.NoError(t, o.void())
		require.Equal(t, "60.00 EUR there is no such payment", o.paymentState().VoidFailure.Amount.String()+" "+o.paymentState().VoidFailure.Cause)
		require.Equal(t, payment.StatusAuthorized, o.paymentState().Status)
		o.requireUnchanged(func() { require.NoError(t, o.void(), "an attempt whose answer was lost knows its refusal") })
		o.gateway.refuses = ""
		_, err := run(o.as("resumed"), o.VoidPayment, activities.VoidPayment{OrderID: o.id, Reason: "order_cancelled", At: at.Add(time.Minute)})
		require.NoError(t, err)
		require.Nil(t, o.paymentState().VoidFailure)
		o.requireBalance("0", "0", "0")
		require.NotEqual(t, o.gateway.voids[0].IdempotencyKey, o.gateway.voids[1].IdempotencyKey)
	})
	t.Run("is retried by a person, or settled outside", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "there is no such payment"
		require.NoError(t, o.void())
		out, err := run(o.as("retry"), o.RetryVoid, activities.VoidPayment{OrderID: o.id, Reason: "retried", At: at.Add(time.Minute)})
		require.NoError(t, err)
		require.Equal(t, activities.Attended{Cause: "there is no such payment"}, out)
		require.Equal(t, 2, o.paymentState().VoidFailure.Attempt)
		resolve := activities.ResolveAttention{OrderID: o.id, Amount: eur("60.00"), Reference: "by hand", By: "ann", At: at}
		out, err = run(o.as("resolve"), o.ResolveAttention, resolve)
		require.NoError(t, err)
		require.True(t, out.Settled)
		require.Equal(t, payment.StatusVoided, o.paymentState().Status)
		require.Nil(t, o.paymentState().VoidFailure)
		require.False(t, o.paymentState().HoldsMoney())
		o.requireUnchanged(func() {
			_, err := run(o.as("resolve"), o.ResolveAttention, resolve)
			require.NoError(t, err)
		})
	})
	t.Run("that a person retries lets the money go", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.gateway.refuses = "not now"
		require.NoError(t, o.void())
		o.gateway.refuses = ""
		out, err := run(o.as("retry"), o.RetryVoid, activities.VoidPayment{OrderID: o.id, Reason: "retried", At: at.Add(time.Minute)})
		require.NoError(t, err)
		require.True(t, out.Settled)
		o.requireBalance("0", "0", "0")
	})
}
