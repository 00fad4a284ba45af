package catalog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

// An order whose events named no lines is the same order today: its lines have ids, and its pieces belong to them.
func TestEventsThatNamedNoLinesAreReadWithThem(t *testing.T) {
	t.Parallel()
	id, at := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	a := func(price string) order.Item {
		return order.Item{ProductID: "p", SKU: "A", Quantity: 2, UnitPrice: money.Must(price, "EUR")}
	}
	var now, then order.Order
	decided := func(events []domain.Event, err error) {
		require.NoError(t, err)
		for _, e := range events {
			now = order.Evolve(now.Clone(), e)
			then = order.Evolve(then.Clone(), asOfVersion1(t, e))
		}
	}
	decided(order.Place(now, order.PlaceOrder{
		OrderID: id, CustomerID: "c-1", Items: []order.Item{a("10.00"), a("12.00"), a("12.00")}, ShipToCountry: "DE", RequestHash: "h", At: at,
	}))
	decided(order.Confirm(now, order.ConfirmOrder{At: at, Shipments: order.PlanShipments(now, []inventory.Allocation{
		{SKU: "A", Location: "berlin", Quantity: 3}, {SKU: "A", Location: "reno", Quantity: 3},
	})}))
	// A request of then named a SKU. It took its pieces from the last line in the last shipment.
	request := order.CancelLines{
		RequestID: domain.DerivedID(id, "request"), Reason: "r", By: "customer", At: at,
		Lines: []order.LineQuantity{{LineID: order.LineID(id, 3), Quantity: 1}},
	}
	decided(order.CancelPart(now, request))
	for _, s := range now.Shipments {
		decided(order.Dispatch(now, order.DispatchShipment{ShipmentID: s.ShipmentID, At: at}))
		decided(order.Deliver(now, order.DeliverShipment{ShipmentID: s.ShipmentID, At: at}))
	}
	decided(order.Return(now, order.ReturnOrder{
		ReturnID: domain.DerivedID(id, "return"), Reason: "r", At: at,
		Lines: []order.ReturnLine{{LineID: order.LineID(id, 1), Quantity: 2}, {LineID: order.LineID(id, 2), Quantity: 1}},
	}))

	require.Equal(t, order.LineID(id, 3), then.Items[2].LineID)
	require.Equal(t, now.Items, then.Items)
	require.Equal(t, now.Shipments, then.Shipments)
	require.Equal(t, now.Total, then.Total)
	request.Lines = []order.LineQuantity{{SKU: "A", Quantity: 1}}
	known, err := then.CarriedOut(request.Request())
	require.NoError(t, err)
	require.True(t, known, "the request of then is known when it comes again")
	request.Lines[0].Quantity = 2
	_, err = then.CarriedOut(request.Request())
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
}

// asOfVersion1 is the event as it is read that was stored without what the newest version adds.
func asOfVersion1(t *testing.T, e domain.Event) domain.Event {
	t.Helper()
	payload, err := catalog.Encode(e)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(payload, &tree))
	delete(tree, "request_content")
	strip := func(list any, names ...string) {
		entries, _ := list.([]any)
		for _, entry := range entries {
			for _, name := range names {
				delete(entry.(map[string]any), name)
			}
		}
	}
	strip(tree["items"], "line_id")
	shipments, _ := tree["shipments"].([]any)
	for _, s := range shipments {
		strip(s.(map[string]any)["lines"], "line_id")
	}
	if _, returned := e.(order.OrderReturned); returned {
		strip(tree["lines"], "line_id", "shipment_id")
	}
	strip(tree["lines"], "line_id")
	payload, err = json.Marshal(tree)
	require.NoError(t, err)
	require.NotContains(t, string(payload), "line_id")
	read, err := catalog.Decode(domain.Envelope{EventType: e.EventType(), EventVersion: 1, Payload: payload})
	require.NoError(t, err)
	return read
}
