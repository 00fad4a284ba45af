package order_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestCancelBeforeAShipmentLeaves(t *testing.T) {
	t.Parallel()
	placed := must(t, order.Order{}, place(item("A", 1, "1")))
	o := must(t, placed, cancel)
	require.Equal(t, order.StatusCancelled, o.Status)
	require.Equal(t, "changed_mind", o.CancelReason)
	confirmed, berlin, _ := twoShipments(t)
	require.Equal(t, order.StatusCancelled, must(t, confirmed, cancel).Status)

	_, err := cancel(must(t, confirmed, dispatch(berlin)))
	require.EqualValues(t, "not_cancellable", domain.Code(err))
}

// What is true of the order is told; what was asked for is not said to be done.
func TestAnOrderIsCancelledForOneReason(t *testing.T) {
	t.Parallel()
	placed := must(t, order.Order{}, place(item("A", 1, "1")))
	o := must(t, placed, cancel)
	for name, c := range map[string]order.CancelOrder{
		"another reason": {Reason: "fraud", By: o.CancelledBy, At: at},
		"another asker":  {Reason: o.CancelReason, By: order.ByOperator, At: at},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := order.Cancel(o, c)
			require.EqualValues(t, "already_cancelled", domain.Code(err))
			require.ErrorContains(t, err, "changed_mind")
		})
	}
	byPlatform := apply(placed, []domain.Event{order.OrderCancelled{OrderID: orderID, Reason: order.ReasonPaymentDeclined, CancelledBy: order.BySystem}})
	_, err := order.Cancel(byPlatform, order.CancelOrder{Reason: order.ReasonPaymentDeclined, By: order.ByCustomer, At: at})
	require.EqualValues(t, "already_cancelled", domain.Code(err))
	events, err := order.Cancel(byPlatform, order.CancelOrder{Reason: order.ReasonPaymentDeclined, By: order.BySystem, At: at})
	require.NoError(t, err)
	require.Empty(t, events)
}

// Nothing is left that would look as if somebody had to do something.
func TestACancelledOrderWaitsForNothing(t *testing.T) {
	t.Parallel()
	held := apply(must(t, order.Order{}, place(item("A", 1, "1"))), []domain.Event{order.OrderHeld{Rule: "amount"}})
	require.Empty(t, must(t, held, cancel).Held)

	confirmed, _, _ := twoShipments(t)
	overdue := apply(confirmed, []domain.Event{order.DispatchOverdue{}})
	o := must(t, overdue, cancel)
	require.False(t, o.Overdue)
	for _, s := range o.Shipments {
		require.Equal(t, order.ShipmentStatusCancelled, s.Status)
	}
	require.Equal(t, "unfulfilled", o.FulfillmentStatus())
	require.Equal(t, order.ShipmentStatusPlanned, confirmed.Shipments[0].Status, "the state before is another one")
}

// A reason that PostgreSQL can't keep would otherwise be retried for ever.
func TestCancelNeedsAReasonThatCanBeKept(t *testing.T) {
	t.Parallel()
	o := must(t, order.Order{}, place(item("A", 1, "1")))
	for _, reason := range []string{"", " ", "a\x00b", "\xff", strings.Repeat("x", order.TextLengthMax+1)} {
		_, err := order.Cancel(o, order.CancelOrder{Reason: reason, By: "customer", At: at})
		require.Equal(t, []string{"reason"}, fields(t, err), "%q", reason)
	}
	require.Equal(t, []string{"reason", "by"}, fields(t, order.CheckCancel("", "")))
}

func TestCancelLines(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twoShipments(t)
	request := uuid.New()
	o = must(t, o, cancelLines(request, order.LineQuantity{SKU: "B", Quantity: 2}))
	require.Equal(t, "22.50 EUR", o.Total.String())
	shipment, _ := o.Shipment(reno)
	require.Equal(t, "2.50 EUR", shipment.Amount.String())

	// The same wish again, however its lines are written.
	for _, again := range [][]order.LineQuantity{{{SKU: "B", Quantity: 2}}, {{SKU: "B", Quantity: 1}, {SKU: "B", Quantity: 1}}} {
		events, err := cancelLines(request, again...)(o)
		require.NoError(t, err)
		require.Empty(t, events)
	}
	for name, c := range map[string]struct {
		decide func(order.Order) ([]domain.Event, error)
		code   domain.ErrorCode
	}{
		"fewer under the same id":  {cancelLines(request, order.LineQuantity{SKU: "B", Quantity: 1}), "idempotency_key_reused"},
		"others under the same id": {cancelLines(request, order.LineQuantity{SKU: "A", Quantity: 2}), "idempotency_key_reused"},
		"for another reason under the same id": {func(o order.Order) ([]domain.Event, error) {
			return order.CancelPart(o, order.CancelLines{RequestID: request, Lines: []order.LineQuantity{{SKU: "B", Quantity: 2}}, Reason: "damaged", By: "customer", At: at})
		}, "idempotency_key_reused"},
		"more than is left": {cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: 2}), domain.CodeInvalid},
		"nothing":           {cancelLines(uuid.New()), domain.CodeInvalid},
		"not a piece":       {cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: -1}), domain.CodeInvalid},
		"no id":             {cancelLines(uuid.Nil, order.LineQuantity{SKU: "B", Quantity: 1}), domain.CodeInvalid},
		"all of the order":  {cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: 1}, order.LineQuantity{SKU: "A", Quantity: 2}), "nothing_left"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.decide(o)
			require.Equal(t, c.code, domain.Code(err), name)
		})
	}

	// The first shipment has arrived, and the rest of the other one is cancelled: the order is over.
	o = must(t, must(t, o, dispatch(berlin)), deliver(berlin))
	require.Equal(t, order.StatusShipped, o.Status)
	o = must(t, o, cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: 1}))
	require.Equal(t, order.StatusDelivered, o.Status)
	require.Equal(t, "delivered", o.FulfillmentStatus())
	require.Equal(t, at, o.DeliveredAt)
}

func TestAmend(t *testing.T) {
	t.Parallel()
	o, berlin, _ := twoShipments(t)
	elsewhere := domain.Sealed{Key: "c-1:1", Data: []byte{4}}
	amend := func(c order.AmendAddress) func(order.Order) ([]domain.Event, error) {
		return func(o order.Order) ([]domain.Event, error) { return order.Amend(o, c) }
	}
	moved := order.AmendAddress{RequestID: uuid.New(), RequestHash: "moved", Country: "DE", Personal: elsewhere, By: "ann", At: at}
	o = must(t, o, amend(moved))
	require.Equal(t, elsewhere, o.Personal)
	back := order.AmendAddress{RequestID: uuid.New(), RequestHash: "back", Country: "DE", Personal: domain.Sealed{Key: "c-1:1", Data: []byte{5}}, By: "ann", At: at}
	o = must(t, o, amend(back))
	// The first request comes again, sealed anew: the order is not sent where it no longer is to go.
	moved.Personal.Data = []byte{6}
	events, err := order.Amend(o, moved)
	require.NoError(t, err)
	require.Empty(t, events)
	for name, c := range map[string]struct {
		amend order.AmendAddress
		code  domain.ErrorCode
	}{
		"another country":               {order.AmendAddress{RequestID: uuid.New(), Country: "AT", Personal: elsewhere, By: "ann"}, "country_fixed"},
		"no address":                    {order.AmendAddress{RequestID: uuid.New(), Country: "DE", By: "ann"}, domain.CodeInvalid},
		"no id":                         {order.AmendAddress{Country: "DE", Personal: elsewhere, By: "ann"}, domain.CodeInvalid},
		"another one under the same id": {order.AmendAddress{RequestID: moved.RequestID, RequestHash: "third", Country: "DE", Personal: elsewhere, By: "ann"}, "idempotency_key_reused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := order.Amend(o, c.amend)
			require.Equal(t, c.code, domain.Code(err), name)
		})
	}
	o = must(t, o, dispatch(berlin))
	_, err = order.Amend(o, order.AmendAddress{RequestID: uuid.New(), Country: "DE", Personal: elsewhere, By: "ann"})
	require.EqualValues(t, "not_amendable", domain.Code(err))
	events, err = order.Amend(o, moved)
	require.NoError(t, err, "it was carried out in time")
	require.Empty(t, events)
}
