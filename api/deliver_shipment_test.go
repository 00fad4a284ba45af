package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

var someReport = workflows.ShipmentReport{ShipmentID: someShipment}

func TestDeliverShipment(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"without a body": "", "with an empty one": "{}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
			a := b.post(t, shipmentPath("/deliver"), body)
			require.Equal(t, http.StatusOK, a.status, a.body)
			require.Equal(t, "delivered", a.object(t)["status"])
			require.Equal(t, []workflows.ShipmentUpdate{{Name: workflows.ShipmentDelivered, Report: someReport}}, b.reported)
		})
	}
}

func TestDeliverShipmentTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	b.reportErr = domain.Refuse(codeNotFound, "no open saga")
	require.Equal(t, http.StatusOK, b.post(t, shipmentPath("/deliver"), "").status)
	require.True(t, b.untouched())
}

func TestDeliverShipmentThatHasNotLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.reportErr = domain.Refuse(codeNotDeliverable, "it has not left")
	p := b.post(t, shipmentPath("/deliver"), "").problem(t, http.StatusConflict, codeNotDeliverable)
	require.Equal(t, order.StatusConfirmed, p.Order.Status)
	require.True(t, b.untouched())
}

// Fails where events alone refuse what is only too early: a dispatch that was accepted may not be recorded yet.
func TestAReportOfAPlannedShipmentIsNotRefusedWithoutItsSaga(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"/deliver", "/lost", "/refused"} {
		for name, silence := range map[string]error{"no worker": sagaclient.ErrUnavailable, "no answer in time": context.DeadlineExceeded} {
			t.Run(verb+" "+name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
				b.reportErr = silence
				require.Equal(t, http.StatusServiceUnavailable, b.post(t, shipmentPath(verb), "").status)
				require.True(t, b.untouched())
			})
		}
	}
}

// What was cancelled piece by piece can't arrive, nor get lost or come back.
func TestAShipmentThatWasCancelledDoesNotEnd(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"/deliver", "/lost", "/refused"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, order.StatusShipped, order.ShipmentStatusCancelled)
			b.reportErr = domain.Refuse(codeNotFound, "no open saga")
			b.post(t, shipmentPath(verb), "").problem(t, http.StatusConflict, codeNotDeliverable)
			require.True(t, b.untouched())
		})
	}
}

func TestDeliverShipmentRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	p := b.post(t, "/api/v1/orders/1/shipments/2/deliver", `{"at": "home"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"path:order_id", "path:shipment_id", "body:at"}, p.fields())
	b.post(t, shipmentPath("/deliver"), `[]`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.post(t, shipmentPath("/deliver"), `{`).problem(t, http.StatusBadRequest, codeMalformedJSON)
	require.True(t, b.untouched())
}

func TestShipmentsThatDoNotArrive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	require.Equal(t, "lost", b.post(t, shipmentPath("/lost"), "").object(t)["status"])
	require.Equal(t, "refused", b.post(t, shipmentPath("/refused"), "{}").object(t)["status"])
	require.Equal(t, []workflows.ShipmentUpdate{
		{Name: workflows.ShipmentLost, Report: someReport}, {Name: workflows.ShipmentRefused, Report: someReport},
	}, b.reported)
	b.givenOrder(t, order.StatusCancelled, order.ShipmentStatusLost)
	b.reportErr = domain.Refuse(codeNotFound, "no open saga")
	again := b.post(t, shipmentPath("/lost"), "")
	require.Equal(t, "lost", again.object(t)["status"])
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	p := b.post(t, shipmentPath("/deliver"), "").problem(t, http.StatusConflict, order.CodeAlreadyEnded)
	require.Equal(t, order.ShipmentStatusLost, p.Order.Shipments[0].Status, "it has ended before, in another way")
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.reportErr = domain.Refuse(codeNotDeliverable, "it has not left")
	b.post(t, shipmentPath("/lost"), "").problem(t, http.StatusConflict, codeNotDeliverable)
}
