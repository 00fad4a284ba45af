package activities_test

import (
	"encoding/json"
	"strconv"
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
	change := []byte(`{"shipping_address":{"street":"Neue Str. 1","city":"Berlin","state":"","zip":"10115","country":"DE"}}`)
	input := func(o *testOrder) activities.AmendAddress {
		return activities.AmendAddress{
			OrderID: o.id, CustomerID: "cus_1", Country: "DE", Personal: domain.Sealed{Key: "inline", Data: change}, By: order.ByCustomer,
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
		require.Equal(t, "cus_1:1", o.orderState().Personal.Key)
		require.Equal(t, order.Recipient{ShippingAddress: order.Address{Line1: "Neue Str. 1", City: "Berlin", Zip: "10115", Country: "DE"}}, o.recipient())
	})
	t.Run("keeps what the change leaves out", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		phone, name := "+49301234567", "Ada"
		for n, c := range []order.RecipientChange{
			{ShippingAddress: &order.Address{Line1: "L", Country: "DE"}, Contact: &order.ContactChange{Name: &name}},
			{Contact: &order.ContactChange{Phone: &phone}},
		} {
			require.NoError(t, amend(o, func(in *activities.AmendAddress) {
				in.RequestID, in.Personal.Data = strconv.Itoa(n), mustJSON(t, c)
			}))
		}
		require.Equal(t, order.Recipient{
			ShippingAddress: order.Address{Line1: "L", Country: "DE"}, Contact: order.Contact{Name: name, Phone: phone},
		}, o.recipient())
	})
	t.Run("needs an address for an order that was erased", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.requireUnchanged(func() {
			requireRefused(t, domain.CodeInvalid, amend(o, func(in *activities.AmendAddress) { in.Personal.Data = []byte(`{"customer_note":"x"}`) }))
		})
	})
	t.Run("takes effect once, however often the address is sealed anew", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, amend(o))
		o.requireUnchanged(func() {
			require.NoError(t, amend(o, func(in *activities.AmendAddress) { in.Personal.Data = append([]byte(" "), change...) }))
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
			"what is no change":               {change: func(in *activities.AmendAddress) { in.Personal.Data = []byte("7") }, code: domain.CodeInvalid},
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
	t.Run("is tried again when the order was amended meanwhile", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		first := true
		o.vault.opened = func() {
			if first { // between what was read and what is appended
				first = false
				require.NoError(t, amend(o, func(in *activities.AmendAddress) { in.RequestID = "another" }))
			}
		}
		requireRetryable(t, amend(o))
		require.NoError(t, amend(o))
	})
	t.Run("is tried again while the vault has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.vault.down = true
		o.requireUnchanged(func() { requireRetryable(t, amend(o)) })
	})
}

// recipient is the personal part of the order, which the tests' vault does not encrypt.
func (o *testOrder) recipient() (r order.Recipient) {
	o.t.Helper()
	require.NoError(o.t, json.Unmarshal(o.orderState().Personal.Data, &r))
	return r
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}
