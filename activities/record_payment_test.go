package activities_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestRecordPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// pending is an order whose customer has yet to answer the bank.
	pending := func(t *testing.T) *testOrder {
		o := b.order(t).place()
		_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_require_action"))
		require.NoError(t, err)
		return o
	}
	bank := func(o *testOrder, approves bool) {
		require.NoError(o.t, o.gateway.Confirm(payment.ID(o.id), approves))
	}

	t.Run("records what the bank has decided, once", func(t *testing.T) {
		t.Parallel()
		for status, code := range map[payment.Status]string{payment.StatusAuthorized: "", payment.StatusDeclined: "authentication_failed"} {
			t.Run(string(status), func(t *testing.T) {
				t.Parallel()
				o := pending(t)
				bank(o, status == payment.StatusAuthorized)
				for range 2 {
					answer, err := recordAgain(o)
					require.NoError(t, err)
					require.Equal(t, [2]string{string(status), code}, [2]string{string(answer.Status), answer.DeclineCode})
				}
				require.Equal(t, status, o.paymentState().Status)
				o.requireUnchanged(func() { _, err := recordAgain(o); require.NoError(t, err) })
			})
		}
	})
	// Whatever a report or a signal claims: the gateway has authorised nothing.
	// Nothing that may be on its way has to be waited for: the gateway has answered.
	t.Run("is closed with one request when the order is given up", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		require.NoError(t, o.void())
		require.Len(t, o.gateway.voids, 1)
		require.Empty(t, o.gateway.voids[0].AuthorizeKey)
		require.Error(t, o.gateway.Confirm(payment.ID(o.id), true), "the link can't be used any more")
	})
	t.Run("records nothing that the gateway has not decided", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		o.requireUnchanged(func() {
			answer, err := recordAgain(o)
			require.NoError(t, err)
			require.Equal(t, payment.StatusActionRequired, answer.Status)
		})
	})
	t.Run("records no authorisation of another amount", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		bank(o, true)
		o.requireUnchanged(func() {
			for _, amount := range []string{"59.99", "60.01"} {
				answer, err := run(o, o.RecordPayment, activities.RecordPayment{OrderID: o.id, Amount: eur(amount), At: at})
				require.NoError(t, err)
				require.Equal(t, payment.StatusActionRequired, answer.Status)
			}
		})
	})
	t.Run("declines what was cancelled at the gateway", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		bank(o, true)
		require.NoError(t, o.gateway.VoidElsewhere(payment.ID(o.id)))
		answer, err := recordAgain(o)
		require.NoError(t, err)
		require.Equal(t, activities.Authorized{Status: payment.StatusDeclined, DeclineCode: "payment_cancelled"}, answer)
	})
	t.Run("records the decision on each authorisation of a payment", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		saga := o.as("payment-" + o.id.String())
		bank(o, true)
		_, err := recordAgain(saga)
		require.NoError(t, err)
		in := o.authorizeInput("tok_require_action")
		in.At, in.Within = at.Add(30*24*time.Hour), time.Hour
		answer, err := run(o, o.AuthorizePayment, in)
		require.NoError(t, err)
		require.Equal(t, payment.StatusPaymentRequired, answer.Status)
		o.provide("tok_require_action", false, in.At)
		answer, err = run(o, o.AuthorizePayment, in)
		require.NoError(t, err)
		require.Equal(t, payment.StatusActionRequired, answer.Status)
		answer, err = recordAgain(saga)
		require.NoError(t, err)
		require.Equal(t, payment.StatusActionRequired, answer.Status, "the first decision is no answer to the second question")
	})
	t.Run("lets money go that came too late", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		o.gateway.meanwhile = func() { require.NoError(t, o.void()) }
		bank(o, true)
		_, err := recordAgain(o)
		requireRefused(t, payment.CodePaymentClosed, err)
		require.Equal(t, payment.ID(o.id).String()+"/void/2", o.gateway.voids[1].IdempotencyKey)
		o.requireBalance("0", "0", "0")
		require.Contains(t, o.stored(), "PaymentAuthorizedLate")
	})
	t.Run("is tried again while the gateway has no answer", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		bank(o, true)
		o.gateway.down = true
		_, err := recordAgain(o)
		requireRetryable(t, err)
		o.gateway.down = false
		answer, err := recordAgain(o)
		require.NoError(t, err)
		require.Equal(t, payment.StatusAuthorized, answer.Status)
	})
}

func recordAgain(o *testOrder) (activities.Authorized, error) {
	return run(o, o.RecordPayment, activities.RecordPayment{OrderID: o.id, Amount: total, At: at})
}
