package order_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

// One SKU stands in two lines at two prices and comes from two locations: each piece keeps its price.
func TestPlanShipmentsPricesEveryPiece(t *testing.T) {
	t.Parallel()
	o := must(t, order.Order{}, place(item("A", 2, "10.00"), item("B", 1, "3.00"), item("A", 3, "9.00")))
	shipments := order.PlanShipments(o, []inventory.Allocation{
		{SKU: "A", Location: "reno", Quantity: 3}, {SKU: "A", Location: "berlin", Quantity: 2}, {SKU: "B", Location: "reno", Quantity: 1},
	})
	require.Len(t, shipments, 2)
	require.Equal(t, "reno", shipments[0].Location)
	require.Equal(t, "32.00 EUR", shipments[0].Amount.String(), "two at 10.00, one at 9.00, and one at 3.00")
	require.Equal(t, "18.00 EUR", shipments[1].Amount.String(), "two at 9.00")
	require.Equal(t, "976eb08a-6850-506b-b04f-f8779c08cda7", shipments[1].ShipmentID.String(), "it follows from order and location")
	require.Equal(t, order.ShipmentStatusPlanned, shipments[1].Status)
}

func TestConfirmRefusals(t *testing.T) {
	t.Parallel()
	placed := must(t, order.Order{}, place(item("A", 2, "10.00"), item("B", 1, "3.00")))
	held := must(t, placed, func(o order.Order) ([]domain.Event, error) { return order.Hold(o, "amount", at) })
	a, b := inventory.Allocation{SKU: "A", Location: "reno", Quantity: 2}, inventory.Allocation{SKU: "B", Location: "reno", Quantity: 1}
	for name, c := range map[string]struct {
		o           order.Order
		allocations []inventory.Allocation
	}{
		"no shipments":  {placed, nil},
		"a line short":  {placed, []inventory.Allocation{a}},
		"a piece short": {placed, []inventory.Allocation{{SKU: "A", Location: "reno", Quantity: 1}, b}},
		"cancelled":     {must(t, placed, cancel), []inventory.Allocation{a, b}},
		"held":          {held, []inventory.Allocation{a, b}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := confirm(c.allocations...)(c.o)
			require.EqualValues(t, "not_confirmable", domain.Code(err), name)
		})
	}
	shipments := order.PlanShipments(placed, []inventory.Allocation{a, b})
	shipments[0].Amount = placed.Total.Add(placed.Total)
	_, err := order.Confirm(placed, order.ConfirmOrder{Shipments: shipments})
	require.EqualValues(t, "not_confirmable", domain.Code(err), "a shipment that would take too much money")

	approved := must(t, held, func(o order.Order) ([]domain.Event, error) {
		return order.Review(o, order.ReviewOrder{By: "ann", Approve: true, At: at})
	})
	require.Equal(t, order.StatusConfirmed, must(t, approved, confirm(a, b)).Status)
}

func TestLateHoldMeetsTheReview(t *testing.T) {
	t.Parallel()
	hold := func(o order.Order) ([]domain.Event, error) { return order.Hold(o, "amount", at) }
	o := must(t, must(t, order.Order{}, place(item("A", 1, "1"))), hold)
	_, err := order.Review(o, order.ReviewOrder{By: "", Approve: true, At: at})
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
	o = must(t, o, func(o order.Order) ([]domain.Event, error) {
		return order.Review(o, order.ReviewOrder{By: "ann", Approve: true, At: at})
	})
	events, err := hold(o)
	require.NoError(t, err)
	require.Empty(t, events, "a late attempt can't hold it again")
}
