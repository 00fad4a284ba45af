package activities_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestPlaceOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	held := func(o *activities.Options) { o.Review = activities.ReviewRules{Customers: []string{"cus_1"}} }

	t.Run("places the order and reserves its goods", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		placed, err := run(o, o.PlaceOrder, o.placeInput())
		require.NoError(t, err)
		require.Equal(t, activities.Placed{Reserved: activities.Reserved{Allocations: []inventory.Allocation{
			{SKU: o.a, Location: "berlin", Quantity: 2}, {SKU: o.b, Location: "reno", Quantity: 2},
		}}}, placed)
		require.Equal(t, []string{"OrderPlaced", "StockReserved", "StockReserved"}, o.stored())
		s := o.orderState()
		require.Equal(t, order.StatusCreated, s.Status)
		require.Equal(t, domain.Sealed{Key: "cus_1:1", Data: []byte{1}}, s.Personal, "sealed under the customer's key")
	})
	t.Run("names its workflow, its step, its order and its caller", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		events, err := b.store.Load(t.Context(), streamOf(domain.AggregateOrder, o.id), 0)
		require.NoError(t, err)
		require.Equal(t, domain.Metadata{
			CorrelationID: o.id.String(), CausationID: "order-" + o.id.String() + "/place", UserID: string(asking),
		}, events[0].Metadata)
		require.Equal(t, at, events[0].Timestamp)
	})
	t.Run("takes effect once, and tells where an order stands that is there already", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		first, err := run(o, o.PlaceOrder, o.placeInput())
		require.NoError(t, err)
		for _, at := range []time.Time{at, at.Add(time.Hour)} { // this saga's own, and a later one's
			in := o.placeInput()
			in.At = at
			o.requireUnchanged(func() {
				again, err := run(o, o.PlaceOrder, in)
				require.NoError(t, err)
				require.Equal(t, order.StatusCreated, again.Standing.Status)
				require.Equal(t, first.Reserved, again.Standing.Reserved)
			})
		}
	})
	t.Run("keeps what another saga needs to go on, the token sealed", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := o.placeInput()
		in.PaymentToken, in.AllowBackorder, in.Deadlines = "tok_approve", true, order.Deadlines{Stock: time.Hour}
		_, err := run(o, o.PlaceOrder, in)
		require.NoError(t, err)
		terms := o.orderState().Terms
		require.True(t, terms.AllowBackorder)
		require.Equal(t, time.Hour, terms.Deadlines.Stock)
		require.Equal(t, "cus_1:1", terms.Payment.Key)
		answer, err := run(o, o.AuthorizePayment, activities.AuthorizePayment{OrderID: o.id, Amount: total, Sealed: terms.Payment, Again: true, At: at})
		require.NoError(t, err)
		require.Equal(t, payment.StatusAuthorized, answer.Status)
	})
	t.Run("keeps the token under the customer's key, so that erasing it erases the token", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		o.vault.inline = true
		in := o.placeInput()
		in.PaymentToken = "tok_approve"
		_, err := run(o, o.PlaceOrder, in)
		require.NoError(t, err)
		require.Equal(t, "cus_1:1", o.orderState().Terms.Payment.Key)
	})
	t.Run("holds the order where a rule asks for a review", func(t *testing.T) {
		t.Parallel()
		o := b.order(t, held)
		placed, err := run(o, o.PlaceOrder, o.placeInput())
		require.NoError(t, err)
		require.Equal(t, "customer", placed.Held)
		require.Len(t, placed.Reserved.Allocations, 2)
		again, err := run(o, o.PlaceOrder, o.placeInput())
		require.NoError(t, err)
		require.Equal(t, "customer", again.Standing.Held)
		require.Len(t, again.Standing.Reserved.Allocations, 2)
		require.Equal(t, []string{"OrderPlaced", "OrderHeld", "StockReserved", "StockReserved"}, o.stored())
	})
	t.Run("leaves missing goods to ReserveStock", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := o.placeInput()
		in.Items[0].Quantity = 6
		placed, err := run(o, o.PlaceOrder, in)
		require.NoError(t, err)
		require.Empty(t, placed.Reserved.Allocations)
		require.Equal(t, []string{"OrderPlaced"}, o.stored())
	})
	t.Run("refuses an order that is wrong in itself", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := o.placeInput()
		in.Items = nil
		_, err := run(o, o.PlaceOrder, in)
		requireRefused(t, domain.CodeInvalid, err)
		require.Empty(t, o.stored())
	})
	t.Run("refuses another request under the same key", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		in := o.placeInput()
		in.RequestHash = "another"
		o.requireUnchanged(func() {
			_, err := run(o, o.PlaceOrder, in)
			requireRefused(t, domain.CodeIdempotencyKeyReused, err)
		})
	})
	t.Run("is tried again while the vault has no answer", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		o.vault.down = true
		_, err := run(o, o.PlaceOrder, o.placeInput())
		requireRetryable(t, err)
		require.Empty(t, o.stored())
	})
}
