package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestResumeOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	resume := func(o *testOrder) activities.Standing {
		o.t.Helper()
		var standing activities.Standing
		o.requireUnchanged(func() {
			var err error
			standing, err = run(o, o.ResumeOrder, activities.ResumeOrder{OrderID: o.id})
			require.NoError(o.t, err)
		})
		return standing
	}

	t.Run("tells of an order that is not confirmed where its goods are reserved", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).place()
		standing := resume(o)
		require.Equal(t, order.StatusCreated, standing.Status)
		require.Equal(t, o.orderState().Items, standing.Items)
		require.Equal(t, order.LineID(o.id, 2), standing.Items[1].LineID)
		require.Equal(t, o.allocation, standing.Reserved.Allocations)
		require.Empty(t, standing.Payment)
	})
	t.Run("tells that goods are waited for", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		in := o.placeInput()
		in.Items[0].Quantity = 7
		_, err := run(o, o.PlaceOrder, in)
		require.NoError(t, err)
		_, err = run(o, o.ReserveStock, activities.ReserveStock{
			OrderID: o.id, Lines: order.Lines(in.Items), ShipToCountry: "DE", Backorder: true, At: at,
		})
		require.NoError(t, err)
		require.True(t, resume(o).Reserved.Waiting)
	})
	t.Run("tells of a confirmed order its shipments and its payment", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		standing := resume(o)
		require.Equal(t, order.StatusConfirmed, standing.Status)
		require.Equal(t, payment.StatusAuthorized, standing.Payment)
		require.Equal(t, o.orderState().Shipments, standing.Shipments)
		require.Equal(t, at, standing.ConfirmedAt)
	})
	t.Run("tells why an order was cancelled", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.cancel())
		standing := resume(o)
		require.Equal(t, order.StatusCancelled, standing.Status)
		require.Equal(t, "changed_mind", standing.Reason)
	})
	t.Run("refuses an order that does not exist", func(t *testing.T) {
		t.Parallel()
		o := b.order(t)
		_, err := run(o, o.ResumeOrder, activities.ResumeOrder{OrderID: uuid.New()})
		requireRefused(t, domain.CodeNotFound, err)
	})
}

// The goods of an order are found where its events say that they are.
func TestGoodsAreFreedInALocationThatTheSettingsDoNotKnowAnyMore(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).place()
	fewer := *o
	fewer.Activities = activities.New(activities.Options{
		Events: o.events, Gateway: o.gateway, Vault: o.vault, Locations: []inventory.Location{{ID: "berlin", Country: "DE"}},
	})
	require.Equal(t, 2, o.stock(o.b, "reno").Reserved)
	_, err := run(&fewer, fewer.ReleaseStock, releaseInput(o))
	require.NoError(t, err)
	require.Zero(t, o.stock(o.b, "reno").Reserved)
}

func TestAPaymentWhoseTokenIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).place()
	o.vault.erased = true
	in := o.authorizeInput("")
	in.Sealed = domain.Sealed{Key: "cus_1:1", Data: []byte(`"tok_approve"`)}
	o.requireUnchanged(func() {
		_, err := run(o, o.AuthorizePayment, in)
		requireRefused(t, activities.CodePaymentTokenGone, err)
	})
}
