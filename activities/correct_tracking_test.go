package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestCorrectTracking(t *testing.T) {
	t.Parallel()
	b := setup(t)
	correct := func(o *testOrder, request uuid.UUID, number string) (activities.Moved, error) {
		return run(o, o.CorrectTracking, activities.CorrectTracking{
			OrderID: o.id, ShipmentID: o.shipment("berlin"), RequestID: request, Carrier: "DHL", TrackingNumber: number, At: at,
		})
	}
	number := func(o *testOrder) string {
		s, _ := o.orderState().Shipment(o.shipment("berlin"))
		return s.TrackingNumber
	}

	t.Run("replaces what was told, once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		first := uuid.New()
		moved, err := correct(o, first, "corrected")
		require.NoError(t, err)
		require.False(t, moved.Replayed)
		_, err = correct(o, uuid.New(), "corrected again")
		require.NoError(t, err)
		require.Equal(t, "corrected again", number(o))
		o.requireUnchanged(func() {
			moved, err := correct(o, first, "corrected")
			require.NoError(t, err)
			require.True(t, moved.Replayed)
		})
	})
	t.Run("refuses a shipment that has not left", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		o.requireUnchanged(func() {
			_, err := correct(o, uuid.New(), "1")
			requireRefused(t, order.CodeNotUnderWay, err)
		})
	})
}
