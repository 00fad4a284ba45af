package order_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestAShipmentThatDidNotArriveIsRefunded(t *testing.T) {
	t.Parallel()
	for status, want := range map[order.ShipmentStatus]bool{
		order.ShipmentStatusPlanned: false, order.ShipmentStatusDispatched: false, order.ShipmentStatusDelivered: false,
		order.ShipmentStatusCancelled: false, order.ShipmentStatusLost: true, order.ShipmentStatusRefused: true,
	} {
		require.Equal(t, want, order.Shipment{Status: status}.NeverArrived(), status)
	}
	one, other := order.Shipment{ShipmentID: uuid.New()}, order.Shipment{ShipmentID: uuid.New()}
	require.Equal(t, one.RefundID(), order.Shipment{ShipmentID: one.ShipmentID, Status: order.ShipmentStatusLost}.RefundID())
	require.NotEqual(t, one.RefundID(), other.RefundID())
}
