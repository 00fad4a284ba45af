package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodDispatch = `{"carrier": "DHL", "tracking_number": "00340434161094015902"}`

func shipmentPath(verb string) string { return orderPath("/shipments/" + someShipment.String() + verb) }

func TestDispatchShipment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	require.Equal(t, "dispatched", a.object(t)["status"])
	require.Equal(t, []workflows.Dispatch{{ShipmentID: someShipment, Carrier: "DHL", TrackingNumber: "00340434161094015902"}}, b.dispatched)
}

func TestDispatchShipmentTwice(t *testing.T) {
	t.Parallel()
	for _, parcel := range []order.ShipmentStatus{order.ShipmentInTransit, order.ShipmentAtCustomer, order.ShipmentGone} {
		b := setup(t)
		b.givenOrder(t, order.StatusShipped, parcel)
		a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
		require.Equal(t, http.StatusAccepted, a.status)
		require.Equal(t, string(parcel), a.object(t)["status"])
		require.Empty(t, b.dispatched)
	}
}

func TestDispatchShipmentWhileTheViewLagsBehind(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	v.Status, v.Shipments = order.StatusCreated, nil
	b.views[someOrder] = v
	require.Equal(t, http.StatusAccepted, b.post(t, shipmentPath("/dispatch"), goodDispatch).status)
	require.Len(t, b.dispatched, 1)
}

func TestDispatchShipmentAfterTheSagaEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusDelivered, order.ShipmentAtCustomer)
	v.Status, v.Shipments = order.StatusConfirmed, []order.Shipment{v.Shipments[0]}
	v.Shipments[0].Status = order.ShipmentPlanned
	b.views[someOrder] = v
	b.signalErr = domain.Refuse(codeNotFound, "no open saga")
	a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
	require.Equal(t, http.StatusAccepted, a.status)
	require.Equal(t, "delivered", a.object(t)["status"])
}

func TestDispatchShipmentThatCannotLeave(t *testing.T) {
	t.Parallel()
	for _, status := range []order.Status{order.StatusCreated, order.StatusCancelled} {
		b := setup(t)
		b.givenOrder(t, status, "")
		p := b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusConflict, codeNotDispatchable)
		require.Equal(t, status, p.Order.Status)
	}
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentEmpty)
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusConflict, codeNotDispatchable)
	require.True(t, b.untouched())
}

func TestDispatchShipmentThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusNotFound, codeNotFound)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	b.post(t, orderPath("/shipments/"+someOrder.String()+"/dispatch"), goodDispatch).problem(t, http.StatusNotFound, codeShipmentNotFound)
	require.True(t, b.untouched())
}

func TestDispatchShipmentRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	p := b.post(t, "/api/v1/orders/1/shipments/2/dispatch", `{"carrier": 1, "tracking_number": "`+strings.Repeat("x", 201)+`", "by": ""}`).
		problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"path:order_id", "path:shipment_id", "body:carrier", "body:tracking_number", "body:by"}, p.fields())
	require.True(t, b.untouched())
}

func TestDispatchShipmentWhileTemporalCannotBeReached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	b.signalErr = workflows.ErrUnavailable
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
