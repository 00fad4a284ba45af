package order_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func correct(request, shipment uuid.UUID, number string) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Correct(o, order.CorrectTracking{RequestID: request, ShipmentID: shipment, Carrier: "DHL", TrackingNumber: number, At: at})
	}
}

func TestTheTrackingOfAShipmentUnderWayIsCorrected(t *testing.T) {
	t.Parallel()
	planned, berlin, reno := twoShipments(t)
	left := must(t, planned, dispatch(berlin))
	first := uuid.New()
	o := must(t, must(t, left, correct(first, berlin, "2")), correct(uuid.New(), berlin, "3"))
	s, _ := o.Shipment(berlin)
	require.Equal(t, "3", s.TrackingNumber)
	require.Equal(t, "DHL", s.Carrier)
	require.Equal(t, order.ShipmentStatusDispatched, s.Status)
	for name, c := range map[string]struct {
		o      order.Order
		decide func(order.Order) ([]domain.Event, error)
		code   domain.ErrorCode
	}{
		"an old correction that comes late":  {o, correct(first, berlin, "2"), ""},
		"what it has, asked for once more":   {o, correct(uuid.New(), berlin, "3"), ""},
		"what it had left with, told again":  {o, dispatch(berlin), ""},
		"what it has, told as its departure": {o, dispatchWith(berlin, "DHL", "3"), ""},
		"what it had meanwhile":              {o, dispatchWith(berlin, "DHL", "2"), "already_dispatched"},
		"another one under the same id":      {o, correct(first, berlin, "4"), "idempotency_key_reused"},
		"of the other one, with that":        {must(t, o, dispatch(reno)), correct(first, reno, "2"), "idempotency_key_reused"},
		"not left yet":                       {o, correct(uuid.New(), reno, "2"), "not_under_way"},
		"arrived":                            {must(t, o, deliver(berlin)), correct(uuid.New(), berlin, "4"), "not_under_way"},
		"cancelled":                          {must(t, planned, cancel), correct(uuid.New(), berlin, "4"), "not_under_way"},
		"not confirmed":                      {must(t, order.Order{}, place(item("A", 1, "1"))), correct(uuid.New(), berlin, "4"), "shipment_not_found"},
		"no id":                              {o, correct(uuid.Nil, berlin, "4"), domain.CodeInvalid},
		"not a text":                         {o, correct(uuid.New(), berlin, strings.Repeat("x", order.TextLengthMax+1)), domain.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := c.decide(c.o)
			require.Equal(t, c.code, domain.Code(err), err)
			require.Empty(t, events)
		})
	}
	s, _ = left.Shipment(berlin)
	require.NotEqual(t, "3", s.TrackingNumber, "the state before is another one")
}

func dispatchWith(shipment uuid.UUID, carrier, number string) func(order.Order) ([]domain.Event, error) {
	return func(o order.Order) ([]domain.Event, error) {
		return order.Dispatch(o, order.DispatchShipment{ShipmentID: shipment, Carrier: carrier, TrackingNumber: number, At: at})
	}
}
