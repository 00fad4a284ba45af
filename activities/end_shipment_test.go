package activities_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

type endActivity func(*activities.Activities) func(context.Context, activities.EndShipment) (activities.Ended, error)

var ends = map[order.ShipmentStatus]endActivity{
	order.ShipmentStatusDelivered: func(a *activities.Activities) func(context.Context, activities.EndShipment) (activities.Ended, error) {
		return a.DeliverShipment
	},
	order.ShipmentStatusLost: func(a *activities.Activities) func(context.Context, activities.EndShipment) (activities.Ended, error) {
		return a.LoseShipment
	},
	order.ShipmentStatusRefused: func(a *activities.Activities) func(context.Context, activities.EndShipment) (activities.Ended, error) {
		return a.RefuseShipment
	},
}

func TestEndOfAShipment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for status, activity := range ends {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			end := func(o *testOrder, in activities.EndShipment) (activities.Ended, error) {
				return run(o, activity(o.Activities), in)
			}

			t.Run("is recorded once", func(t *testing.T) {
				t.Parallel()
				o := b.order(t).dispatched()
				first, err := end(o, o.endInput("berlin"))
				require.NoError(t, err)
				require.Equal(t, order.StatusShipped, first.Status, "the other shipment is under way")
				s, _ := o.orderState().Shipment(o.shipment("berlin"))
				require.Equal(t, status, s.Status)
				o.requireUnchanged(func() {
					again, err := end(o, o.endInput("berlin"))
					require.NoError(t, err)
					first.Replayed = true
					require.Equal(t, first, again)
				})
			})
			t.Run("ends the order with its last shipment", func(t *testing.T) {
				t.Parallel()
				o := b.order(t).dispatched()
				_, err := end(o, o.endInput("berlin"))
				require.NoError(t, err)
				last, err := end(o, o.endInput("reno"))
				require.NoError(t, err)
				want := order.StatusCancelled
				if status == order.ShipmentStatusDelivered {
					want = order.StatusDelivered
				}
				require.Equal(t, want, last.Status)
				require.Equal(t, want, o.orderState().Status)
			})
			t.Run("is refused", func(t *testing.T) {
				t.Parallel()
				for name, c := range map[string]struct {
					change func(*activities.EndShipment)
					code   domain.ErrorCode
				}{
					"of an order that does not exist": {func(in *activities.EndShipment) { in.OrderID = uuid.New() }, domain.CodeNotFound},
					"of an unknown shipment":          {func(in *activities.EndShipment) { in.ShipmentID = uuid.New() }, order.CodeShipmentNotFound},
					"of a shipment that has not left": {func(*activities.EndShipment) {}, order.CodeNotDeliverable},
				} {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						o := b.order(t).confirmed()
						in := o.endInput("berlin")
						c.change(&in)
						o.requireUnchanged(func() {
							_, err := end(o, in)
							requireRefused(t, c.code, err)
						})
					})
				}
			})
		})
	}
}

func TestRefuseShipmentTakesItsGoodsBack(t *testing.T) {
	t.Parallel()
	o := setup(t).order(t).dispatched()
	waits := o.as("order-of-another")
	waits.id = uuid.New()
	in := reserveInput(waits, 5)
	in.Backorder = true
	_, err := run(waits, o.ReserveStock, in)
	require.NoError(t, err)

	refused := o.endInput("berlin")
	ended, err := run(o, o.RefuseShipment, refused)
	require.NoError(t, err)
	require.Equal(t, 5, o.stock(o.a, "berlin").OnHand)
	require.Equal(t, []uuid.UUID{waits.id}, ended.Served.Orders)
	o.requireUnchanged(func() {
		_, err := run(o, o.RefuseShipment, refused)
		require.NoError(t, err)
	})
}
