package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodDispatch = `{"carrier": "DHL", "tracking_number": "00340434161094015902"}`

var goodNews = workflows.ShipmentUpdate{
	Name: workflows.ShipmentDispatched, Report: workflows.Dispatch{ShipmentID: someShipment, Carrier: "DHL", TrackingNumber: "00340434161094015902"},
}

func shipmentPath(verb string) string { return orderPath("/shipments/" + someShipment.String() + verb) }

func TestDispatchShipment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "dispatched", a.object(t)["status"])
	require.Equal(t, []workflows.ShipmentUpdate{goodNews}, b.reported)
	require.Empty(t, b.left)
}

func TestDispatchShipmentTwice(t *testing.T) {
	t.Parallel()
	for _, shipment := range []order.ShipmentStatus{order.ShipmentStatusDispatched, order.ShipmentStatusDelivered, order.ShipmentStatusLost} {
		t.Run(string(shipment), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, order.StatusShipped, shipment)
			b.reportErr = domain.Refuse(workflows.CodeAlreadyReported, "it is under way")
			a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
			require.Equal(t, http.StatusOK, a.status, a.body)
			require.Equal(t, string(shipment), a.object(t)["status"])
			require.Equal(t, "true", a.header.Get("Idempotent-Replayed"))
			p := b.post(t, shipmentPath("/dispatch"), `{"carrier": "DHL", "tracking_number": "corrected"}`).
				problem(t, http.StatusConflict, order.CodeAlreadyDispatched)
			require.Equal(t, "00340434161094015902", p.Order.Shipments[0].TrackingNumber, "what stands")
			require.Empty(t, b.left)
		})
	}
}

func TestDispatchShipmentThatTheSagaDoesNotAnswerIsLeftForIt(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(*testBundle){
		"takes long":           func(b *testBundle) { b.reportWaits = true },
		"has no worker":        func(b *testBundle) { b.reportErr = sagaclient.ErrUnavailable },
		"is behind its events": func(b *testBundle) { b.reportErr = domain.Refuse(codeNotDispatchable, "it is created") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) { o.Limits.ReportWait = time.Millisecond })
			b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
			trouble(b)
			a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
			require.Equal(t, http.StatusAccepted, a.status, a.body)
			require.Equal(t, "planned", a.object(t)["status"])
			require.Equal(t, []workflows.ShipmentUpdate{goodNews}, b.left)
		})
	}
}

func TestDispatchShipmentWhoseMoneyCannotBeTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.reportErr = domain.Refuse(codeGatewayRefused, "the card is blocked")
	p := b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusConflict, codeGatewayRefused)
	require.Equal(t, order.StatusConfirmed, p.Order.Status)
	require.Empty(t, b.left)
}

func TestDispatchShipmentAfterTheSagaEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	v.Status, v.Shipments = order.StatusConfirmed, []order.Shipment{v.Shipments[0]}
	v.Shipments[0].Status = order.ShipmentStatusPlanned
	b.views[someOrder] = v
	b.reportErr = domain.Refuse(codeNotFound, "no open saga")
	a := b.post(t, shipmentPath("/dispatch"), goodDispatch)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "delivered", a.object(t)["status"])
}

func TestDispatchShipmentOfASagaThatIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.reportErr, b.leaveErr = domain.Refuse(codeNotFound, "no open saga"), domain.Refuse(codeNotFound, "no open saga")
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

func TestDispatchShipmentThatCannotLeave(t *testing.T) {
	t.Parallel()
	for _, status := range []order.Status{order.StatusCreated, order.StatusCancelled} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, status, "")
			b.reportErr = domain.Refuse(codeNotDispatchable, "it is %s", status)
			p := b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusConflict, codeNotDispatchable)
			require.Equal(t, status, p.Order.Status)
		})
	}
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusCancelled)
	b.reportErr = domain.Refuse(codeNotDispatchable, "it is empty")
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusConflict, codeNotDispatchable)
	require.True(t, b.untouched())
}

func TestDispatchShipmentThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.reportErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusNotFound, codeNotFound)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.reportErr = domain.Refuse(codeShipmentNotFound, "no such shipment")
	b.post(t, orderPath("/shipments/"+someOrder.String()+"/dispatch"), goodDispatch).problem(t, http.StatusNotFound, codeShipmentNotFound)
	require.True(t, b.untouched())
}

func TestDispatchShipmentRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	p := b.post(t, "/api/v1/orders/1/shipments/2/dispatch", `{"carrier": 1, "tracking_number": "`+strings.Repeat("x", 201)+`", "by": ""}`).
		problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"path:order_id", "path:shipment_id", "body:carrier", "body:tracking_number", "body:by"}, p.fields())
	require.True(t, b.untouched())
}

func TestDispatchShipmentWhileTemporalCannotBeReached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.reportErr, b.leaveErr = sagaclient.ErrUnavailable, sagaclient.ErrUnavailable
	b.post(t, shipmentPath("/dispatch"), goodDispatch).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
