package order_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func TestShipmentsMoveTheOrder(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twoShipments(t)
	o = must(t, o, dispatch(reno))
	require.Equal(t, order.StatusShipped, o.Status, "with its first shipment")
	o = must(t, o, deliver(reno))
	require.Equal(t, order.StatusShipped, o.Status)
	o = must(t, must(t, o, dispatch(berlin)), deliver(berlin))
	require.Equal(t, order.StatusDelivered, o.Status, "with its last shipment")
	shipment, ok := o.Shipment(berlin)
	require.True(t, ok)
	require.Equal(t, "DHL", shipment.Carrier)
}

func TestShipmentRefusals(t *testing.T) {
	t.Parallel()
	o, berlin, _ := twoShipments(t)
	_, err := dispatch(uuid.New())(o)
	require.EqualValues(t, "shipment_not_found", domain.Code(err))
	_, err = deliver(uuid.New())(o)
	require.EqualValues(t, "shipment_not_found", domain.Code(err))
	_, err = deliver(berlin)(o)
	require.EqualValues(t, "not_deliverable", domain.Code(err), "it has not left")
	_, err = dispatch(berlin)(must(t, o, cancel))
	require.EqualValues(t, "not_dispatchable", domain.Code(err))
	for _, text := range []string{"a\x00", "\xff", strings.Repeat("x", order.TextLengthMax+1)} {
		_, err = order.Dispatch(o, order.DispatchShipment{ShipmentID: berlin, Carrier: text, TrackingNumber: text, At: at})
		require.Equal(t, []string{"carrier", "tracking_number"}, fields(t, err))
	}
	require.NoError(t, order.CheckDispatch("", ""), "some goods leave without a carrier")
}

// A report of what has happened is harmless however often it comes. One that can't be true is refused: success would
// tell the warehouse that it happened.
func TestReportsOfShipments(t *testing.T) {
	t.Parallel()
	planned, berlin, reno := twoShipments(t)
	emptied := must(t, planned, cancelLines(uuid.New(), order.LineQuantity{SKU: "B", Quantity: 3}))
	left := must(t, planned, dispatch(berlin))
	undeliverable := must(t, must(t, must(t, left, lose(berlin)), dispatch(reno)), comeBack(reno))
	for name, c := range map[string]struct {
		o          order.Order
		shipment   uuid.UUID
		leave, end domain.ErrorCode
	}{
		"no order":                        {order.Order{}, berlin, domain.CodeNotFound, domain.CodeNotFound},
		"unknown shipment":                {planned, uuid.New(), order.CodeShipmentNotFound, order.CodeShipmentNotFound},
		"planned":                         {planned, berlin, "", order.CodeNotDeliverable},
		"all of it cancelled":             {emptied, reno, order.CodeNotDispatchable, order.CodeNotDeliverable},
		"dispatched":                      {left, berlin, "", ""},
		"delivered":                       {must(t, left, deliver(berlin)), berlin, "", ""},
		"lost, the order is cancelled":    {undeliverable, berlin, "", ""},
		"refused, the order is cancelled": {undeliverable, reno, "", ""},
		"planned, the order is cancelled": {must(t, planned, cancel), berlin, order.CodeNotDispatchable, order.CodeNotDeliverable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.leave, domain.Code(order.CanDispatch(c.o, c.shipment)))
			require.Equal(t, c.end, domain.Code(order.CanEndShipment(c.o, c.shipment)))
			s, _ := c.o.Shipment(c.shipment)
			events, err := dispatch(c.shipment)(c.o)
			require.Equal(t, c.leave, domain.Code(err))
			require.Equal(t, c.leave == "" && !s.Status.Left(), len(events) > 0)
			for as, end := range map[order.ShipmentStatus]func(uuid.UUID) func(order.Order) ([]domain.Event, error){
				order.ShipmentStatusDelivered: deliver, order.ShipmentStatusLost: lose, order.ShipmentStatusRefused: comeBack,
			} {
				events, err := end(c.shipment)(c.o)
				want := c.end
				if c.end == "" && s.Status.Ended() && s.Status != as {
					want = order.CodeAlreadyEnded
				}
				require.Equal(t, want, domain.Code(err), as)
				require.Equal(t, c.end == "" && !s.Status.Ended(), len(events) > 0)
			}
		})
	}
}

func TestLostShipments(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twoShipments(t)
	o = must(t, must(t, o, dispatch(berlin)), dispatch(reno))
	partly := must(t, must(t, o, lose(berlin)), deliver(reno))
	require.Equal(t, order.StatusDelivered, partly.Status)
	require.Equal(t, "partially_delivered", partly.FulfillmentStatus())
	all := must(t, must(t, o, lose(berlin)), comeBack(reno))
	require.Equal(t, order.StatusCancelled, all.Status)
	events, err := lose(berlin)(partly)
	require.NoError(t, err)
	require.Empty(t, events, "a shipment ends once")
	_, err = deliver(berlin)(partly)
	require.Equal(t, order.CodeAlreadyEnded, domain.Code(err), "what is lost has not arrived")
}

// A repeated dispatch is harmless. One that says something else can't take effect, so it is no success.
func TestADispatchIsToldOnce(t *testing.T) {
	t.Parallel()
	o, berlin, _ := twoShipments(t)
	o = must(t, o, dispatch(berlin))
	events, err := dispatch(berlin)(o)
	require.NoError(t, err)
	require.Empty(t, events)
	for _, other := range []order.DispatchShipment{
		{ShipmentID: berlin, Carrier: "DHL", TrackingNumber: "another"}, {ShipmentID: berlin, Carrier: "UPS", TrackingNumber: "1"}, {ShipmentID: berlin},
	} {
		_, err = order.Dispatch(o, other)
		require.Equal(t, order.CodeAlreadyDispatched, domain.Code(err))
	}
}

func TestReturns(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twoShipments(t)
	_, err := bringBack(uuid.New(), order.ReturnLine{SKU: "A", Quantity: 1})(o)
	require.EqualValues(t, "not_returnable", domain.Code(err))
	o = must(t, must(t, o, dispatch(berlin)), dispatch(reno))
	o = must(t, must(t, o, deliver(berlin)), lose(reno))

	events, err := bringBack(uuid.New(), order.ReturnLine{SKU: "A", Quantity: 1, Restock: true})(o)
	require.NoError(t, err)
	returned := events[0].(order.OrderReturned)
	require.Equal(t, "10.00 EUR", returned.Amount.String())
	require.Equal(t, "berlin", returned.Lines[0].Location)
	o = apply(o, events)
	for name, line := range map[string]order.ReturnLine{
		"more than was kept": {SKU: "A", Quantity: 2}, "never arrived": {SKU: "B", Quantity: 1}, "no piece": {SKU: "A", Quantity: 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bringBack(uuid.New(), line)(o)
			require.Equal(t, domain.CodeInvalid, domain.Code(err), name)
		})
	}
	_, err = order.Return(o, order.ReturnOrder{ReturnID: uuid.New(), Lines: []order.ReturnLine{{SKU: "A", Quantity: 1}}, At: at.Add(order.ReturnWindow + time.Second)})
	require.EqualValues(t, "return_window_closed", domain.Code(err))
	require.Equal(t, order.StatusDelivered, must(t, o, bringBack(uuid.New(), order.ReturnLine{SKU: "A", Quantity: 1})).Status)
}

func TestAReturnIsKnownByWhatCameBack(t *testing.T) {
	t.Parallel()
	o, berlin, reno := twoShipments(t)
	o = must(t, must(t, must(t, must(t, o, dispatch(berlin)), dispatch(reno)), deliver(berlin)), deliver(reno))
	id := uuid.New()
	line := o.Items[0].LineID
	o = must(t, o, bringBack(id, order.ReturnLine{SKU: "A", Quantity: 2, Restock: true}))
	for name, c := range map[string]struct {
		lines []order.ReturnLine
		code  domain.ErrorCode
	}{
		"the same":               {[]order.ReturnLine{{SKU: "A", Quantity: 2, Restock: true}}, ""},
		"the same, by line":      {[]order.ReturnLine{{LineID: line, Quantity: 1, Restock: true}, {LineID: line, Quantity: 1, Restock: true}}, ""},
		"fewer":                  {[]order.ReturnLine{{SKU: "A", Quantity: 1, Restock: true}}, domain.CodeIdempotencyKeyReused},
		"others":                 {[]order.ReturnLine{{SKU: "B", Quantity: 2, Restock: true}}, domain.CodeIdempotencyKeyReused},
		"broken":                 {[]order.ReturnLine{{SKU: "A", Quantity: 2}}, domain.CodeIdempotencyKeyReused},
		"of no line there is":    {[]order.ReturnLine{{SKU: "X", Quantity: 2, Restock: true}}, domain.CodeIdempotencyKeyReused},
		"nothing, under the key": {nil, domain.CodeIdempotencyKeyReused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := bringBack(id, c.lines...)(o)
			require.Equal(t, c.code, domain.Code(err))
			require.Empty(t, events)
		})
	}
	_, err := order.Return(o, order.ReturnOrder{ReturnID: id, Lines: []order.ReturnLine{{SKU: "A", Quantity: 2, Restock: true}}, Reason: "broken", At: at})
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err), "for another reason")
}
