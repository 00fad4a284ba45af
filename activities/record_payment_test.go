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
	record := func(o *testOrder, status payment.Status) error {
		require.NoError(o.t, o.gateway.Confirm(payment.ID(o.id), status == payment.StatusAuthorized))
		return recordAgain(o, status)
	}

	t.Run("records what the bank has decided, once", func(t *testing.T) {
		t.Parallel()
		for _, status := range []payment.Status{payment.StatusAuthorized, payment.StatusDeclined} {
			t.Run(string(status), func(t *testing.T) {
				t.Parallel()
				o := pending(t)
				require.NoError(t, record(o, status))
				require.Equal(t, status, o.paymentState().Status)
				o.requireUnchanged(func() { require.NoError(t, recordAgain(o, status)) })
			})
		}
	})
	t.Run("records the decision on each authorisation of a payment", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		saga := o.as("payment-" + o.id.String())
		require.NoError(t, record(saga, payment.StatusAuthorized))
		in := o.authorizeInput("tok_require_action")
		in.At = at.Add(30 * 24 * time.Hour)
		answer, err := run(o, o.AuthorizePayment, in)
		require.NoError(t, err)
		require.Equal(t, payment.StatusActionRequired, answer.Status)
		require.NoError(t, recordAgain(saga, payment.StatusAuthorized))
		require.Equal(t, 2, o.paymentState().Generation)
	})
	t.Run("lets money go that came too late", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		require.NoError(t, o.void())
		requireRefused(t, payment.CodePaymentClosed, recordAgain(o, payment.StatusAuthorized))
		require.Equal(t, payment.ID(o.id).String()+"/void-late", o.gateway.voids[1].IdempotencyKey)
	})
	t.Run("is tried again while the gateway can't void what came too late", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		require.NoError(t, o.void())
		o.gateway.down = true
		requireRetryable(t, recordAgain(o, payment.StatusAuthorized))
		o.gateway.down = false
		requireRefused(t, payment.CodePaymentClosed, recordAgain(o, payment.StatusAuthorized))
	})
	t.Run("refuses a decline of a payment that was voided", func(t *testing.T) {
		t.Parallel()
		o := pending(t)
		require.NoError(t, o.void())
		o.requireUnchanged(func() { requireRefused(t, payment.CodePaymentClosed, recordAgain(o, payment.StatusDeclined)) })
		require.Len(t, o.gateway.voids, 1, "there is nothing to let go")
	})
}

func recordAgain(o *testOrder, status payment.Status) error {
	in := activities.RecordPayment{
		OrderID: o.id, Amount: total, Status: status, GatewayRef: "sandbox_" + payment.ID(o.id).String(), ExpiresAt: at.Add(time.Hour), At: at,
	}
	if status == payment.StatusDeclined {
		in.DeclineCode = "authentication_failed"
	}
	return runForEffect(o, o.RecordPayment, in)
}
