package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

// twins is a confirmed order with two lines of A, of two pieces each at 10.00, from Berlin.
func twins(t *testing.T) (o *testOrder, first, second uuid.UUID) {
	t.Helper()
	o = setup(t).order(t)
	in := o.placeInput()
	in.Items = []order.Item{
		{ProductID: "p-a", SKU: o.a, Quantity: 2, UnitPrice: eur("10.00")},
		{ProductID: "p-a", SKU: o.a, Quantity: 2, UnitPrice: eur("10.00")},
		{ProductID: "p-b", SKU: o.b, Quantity: 1, UnitPrice: eur("20.00")},
	}
	placed, err := run(o, o.PlaceOrder, in)
	require.NoError(t, err)
	o.authorize()
	_, err = run(o, o.ConfirmOrder, activities.ConfirmOrder{OrderID: o.id, Allocations: placed.Reserved.Allocations, At: at})
	require.NoError(t, err)
	return o, order.LineID(o.id, 1), order.LineID(o.id, 2)
}

func TestARefusedShipmentBringsEachLineBack(t *testing.T) {
	t.Parallel()
	o, _, _ := twins(t)
	require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
	require.Equal(t, 1, o.stock(o.a, "berlin").OnHand)
	_, err := run(o, o.RefuseShipment, o.endInput("berlin"))
	require.NoError(t, err)
	require.Equal(t, 5, o.stock(o.a, "berlin").OnHand)
}

func TestLinesOfOneSKUAreCancelledAndComeBackByLine(t *testing.T) {
	t.Parallel()
	o, first, second := twins(t)
	cancel := activities.CancelLines{
		OrderID: o.id, RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: o.a, Quantity: 1}}, Reason: "too_many", By: order.ByCustomer, At: at,
	}
	_, err := run(o, o.CancelLines, cancel)
	requireRefused(t, domain.CodeInvalid, err)
	require.ErrorContains(t, err, first.String()+", "+second.String())
	cancel.Lines = []order.LineQuantity{{LineID: second, Quantity: 2}}
	for range 2 {
		_, err = run(o, o.CancelLines, cancel)
		require.NoError(t, err)
	}
	require.Equal(t, 3, o.stock(o.a, "berlin").Available())
	require.Equal(t, "40.00", o.orderState().Total.Text())

	for _, location := range []string{"berlin", "reno"} {
		require.NoError(t, o.dispatch(o.dispatchInput(location)))
		_, err = run(o, o.DeliverShipment, o.endInput(location))
		require.NoError(t, err)
	}
	back := activities.ReturnGoods{
		OrderID: o.id, ReturnID: uuid.New(), Lines: []order.ReturnLine{{LineID: first, Quantity: 1, Restock: true}}, Reason: "too_small", At: at,
	}
	out, err := run(o.as("return-"+back.ReturnID.String()), o.ReturnGoods, back)
	require.NoError(t, err)
	require.Equal(t, "10.00", out.Amount.Text())
	require.Equal(t, 4, o.stock(o.a, "berlin").OnHand)
}
