package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

func TestSettleLatePayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	report := func(o *testOrder) activities.SettleLatePayment {
		id := payment.ID(o.id)
		return activities.SettleLatePayment{OrderID: o.id, PaymentID: id, GatewayRef: "sandbox_" + id.String(), At: at}
	}
	settle := func(o *testOrder, in activities.SettleLatePayment) (activities.LatePaymentSettled, error) {
		return run(o, o.SettleLatePayment, in)
	}
	pending := func(o *testOrder) {
		_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_require_action"))
		require.NoError(o.t, err)
	}
	// unrecorded is an authorisation whose answer is not recorded yet.
	unrecorded := func(o *testOrder) {
		_, err := o.gateway.Gateway.Authorize(o.t.Context(), payments.AuthorizeRequest{
			IdempotencyKey: "first", PaymentID: payment.ID(o.id), OrderID: o.id, Amount: total, Token: "tok_approve",
		})
		require.NoError(o.t, err)
	}
	for name, c := range map[string]struct {
		prepare func(*testOrder)
		outcome activities.ReportOutcome
	}{
		"a payment that the gateway never heard of": {func(*testOrder) {}, activities.ReportUnknown},
		"a payment whose answer is not recorded":    {unrecorded, activities.ReportAwaited},
		"a payment that is open":                    {pending, activities.ReportAwaited},
		"after a void":                              {func(o *testOrder) { pending(o); require.NoError(o.t, o.void()) }, activities.ReportSettled},
		"authorised twice":                          {func(o *testOrder) { o.authorize() }, activities.ReportSettled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.order(t).place()
			c.prepare(o)
			o.requireUnchanged(func() {
				for range 2 {
					settled, err := settle(o, report(o))
					require.NoError(t, err)
					require.Equal(t, c.outcome, settled.Outcome)
				}
			})
		})
	}
	t.Run("finds the order by the gateway's reference alone", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.authorize()
		in := report(o)
		in.OrderID, in.PaymentID = uuid.Nil, uuid.Nil
		settled, err := settle(o, in)
		require.NoError(t, err)
		require.Equal(t, activities.LatePaymentSettled{OrderID: o.id, Outcome: activities.ReportSettled}, settled)
	})
	// Others may use the same account at the gateway, with orders of their own.
	t.Run("ignores an order that is not here", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		unrecorded(o)
		settled, err := settle(o, report(o))
		require.NoError(t, err)
		require.Equal(t, activities.ReportUnknown, settled.Outcome)
	})
	t.Run("ignores a payment of another order", func(t *testing.T) {
		t.Parallel()
		o, other := b.order(t).place(), b.order(t).place()
		o.authorize()
		other.authorize()
		in := report(o)
		in.OrderID = other.id
		settled, err := settle(o, in)
		require.NoError(t, err)
		require.Equal(t, activities.ReportMismatch, settled.Outcome)
		o.requireBalance("60", "0", "0")
	})
	t.Run("lets money go that came too late", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		pending(o)
		require.NoError(t, o.gateway.Confirm(payment.ID(o.id), true))
		o.gateway.down = true
		requireRetryable(t, o.void())
		o.gateway.down = false
		require.NoError(t, o.void())
		o.requireBalance("0", "0", "0")
		settled, err := settle(o, report(o))
		require.NoError(t, err)
		require.Equal(t, activities.ReportSettled, settled.Outcome)
	})
	t.Run("is tried again while the gateway has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		o.authorize()
		o.gateway.down = true
		_, err := settle(o, report(o))
		requireRetryable(t, err)
	})
}
