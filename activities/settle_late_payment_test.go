package activities_test

import (
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestSettleLatePayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	settle := func(o *testOrder, authorized bool) (activities.LatePaymentSettled, error) {
		return run(o, o.SettleLatePayment, activities.SettleLatePayment{
			OrderID: o.id, Authorized: authorized, GatewayRef: "sandbox_" + payment.ID(o.id).String(), At: at,
		})
	}
	pending := func(o *testOrder) {
		_, err := run(o, o.AuthorizePayment, o.authorizeInput("tok_require_action"))
		require.NoError(o.t, err)
	}
	voided := func(o *testOrder) {
		pending(o)
		require.NoError(o.t, o.void())
	}
	for name, c := range map[string]struct {
		prepare    func(*testOrder)
		authorized bool
		settled    bool
	}{
		"a payment that nobody knows yet": {func(*testOrder) {}, true, false},
		"a payment that is open":          {pending, true, false},
		"authorised after a void":         {voided, true, true},
		"declined after a void":           {voided, false, true},
		"authorised twice":                {func(o *testOrder) { o.authorize() }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.order(t).place()
			c.prepare(o)
			o.requireUnchanged(func() {
				for range 2 {
					settled, err := settle(o, c.authorized)
					require.NoError(t, err)
					require.Equal(t, c.settled, settled.Settled)
				}
			})
		})
	}
	t.Run("lets the money go", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		pending(o)
		require.NoError(t, o.gateway.Confirm(payment.ID(o.id), true))
		o.requireBalance("60", "0", "0")
		require.NoError(t, o.void())
		settled, err := settle(o, true)
		require.NoError(t, err)
		require.True(t, settled.Settled)
		o.requireBalance("0", "0", "0")
	})
	t.Run("is tried again while the gateway has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		voided(o)
		o.gateway.down = true
		_, err := settle(o, true)
		requireRetryable(t, err)
	})
}
