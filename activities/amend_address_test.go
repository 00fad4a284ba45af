package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestAmendAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	input := func(o *testOrder) activities.AmendAddress {
		return activities.AmendAddress{
			OrderID: o.id, CustomerID: "cus_1", Country: "DE", Personal: domain.Sealed{Key: "inline", Data: []byte{2}}, By: order.ByCustomer,
			RequestID: o.shipment("request").String(), RequestHash: "elsewhere", At: at,
		}
	}
	amend := func(o *testOrder, change ...func(*activities.AmendAddress)) error {
		in := input(o)
		for _, c := range change {
			c(&in)
		}
		return errorOf(o, o.AmendAddress, in)
	}

	t.Run("replaces the address, sealed under the customer's key", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, amend(o))
		require.Equal(t, domain.Sealed{Key: "cus_1:1", Data: []byte{2}}, o.orderState().Personal)
	})
	t.Run("takes effect once, however often the address is sealed anew", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, amend(o))
		o.requireUnchanged(func() {
			require.NoError(t, amend(o, func(in *activities.AmendAddress) { in.Personal.Data = []byte{3} }))
		})
	})
	t.Run("knows a request without an id by its number", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		numbered := func(in *activities.AmendAddress) { in.RequestID = "1" }
		require.NoError(t, amend(o, numbered))
		o.requireUnchanged(func() { require.NoError(t, amend(o, numbered)) })
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			prepare func(*testOrder)
			change  func(*activities.AmendAddress)
			code    domain.ErrorCode
		}{
			"an order that does not exist": {change: func(in *activities.AmendAddress) { in.OrderID = uuid.New() }, code: domain.CodeNotFound},
			"another country":              {change: func(in *activities.AmendAddress) { in.Country = "AT" }, code: order.CodeCountryFixed},
			"an order that has left": {prepare: func(o *testOrder) {
				require.NoError(o.t, o.dispatch(o.dispatchInput("berlin")))
			}, code: order.CodeNotAmendable},
			"another request under the same key": {
				prepare: func(o *testOrder) { require.NoError(o.t, amend(o)) },
				change:  func(in *activities.AmendAddress) { in.RequestHash = "somewhere" }, code: domain.CodeIdempotencyKeyReused,
			},
			"an address that nobody can open": {change: func(in *activities.AmendAddress) { in.Personal.Data = nil }, code: domain.CodeInvalid},
			"nobody who asks":                 {change: func(in *activities.AmendAddress) { in.By = "" }, code: domain.CodeInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := b.order(t).confirmed()
				if c.prepare != nil {
					c.prepare(o)
				}
				change := func(in *activities.AmendAddress) {
					if c.change != nil {
						c.change(in)
					}
				}
				o.requireUnchanged(func() { requireRefused(t, c.code, amend(o, change)) })
			})
		}
	})
	t.Run("is tried again while the vault has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.vault.down = true
		o.requireUnchanged(func() { requireRetryable(t, amend(o)) })
	})
}
