package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

func TestDeliverShipment(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}"} {
		b := setup(t)
		b.givenOrder(t, order.StatusShipped, order.ShipmentInTransit)
		a := b.post(t, shipmentPath("/deliver"), body)
		require.Equal(t, http.StatusAccepted, a.status, a.body)
		require.Equal(t, "delivered", a.object(t)["status"])
		require.Equal(t, []workflows.ShipmentReport{{ShipmentID: someShipment}}, b.delivered)
	}
}

func TestDeliverShipmentTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentAtCustomer)
	require.Equal(t, http.StatusAccepted, b.post(t, shipmentPath("/deliver"), "").status)
	require.Empty(t, b.delivered)
}

func TestDeliverShipmentThatHasNotLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	p := b.post(t, shipmentPath("/deliver"), "").problem(t, http.StatusConflict, codeNotDeliverable)
	require.Equal(t, order.StatusConfirmed, p.Order.Status)
	require.True(t, b.untouched())
}

func TestDeliverShipmentRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusShipped, order.ShipmentInTransit)
	p := b.post(t, "/api/v1/orders/1/shipments/2/deliver", `{"at": "home"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"path:order_id", "path:shipment_id", "body:at"}, p.fields())
	b.post(t, shipmentPath("/deliver"), `[]`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.post(t, shipmentPath("/deliver"), `{`).problem(t, http.StatusBadRequest, codeMalformedJSON)
	require.True(t, b.untouched())
}

func TestParcelsThatDoNotArrive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusShipped, order.ShipmentInTransit)
	require.Equal(t, "lost", b.post(t, shipmentPath("/lost"), "").object(t)["status"])
	require.Equal(t, "refused", b.post(t, shipmentPath("/refused"), "{}").object(t)["status"])
	require.Equal(t, []any{workflows.ShipmentReport{ShipmentID: someShipment}, workflows.ShipmentReport{ShipmentID: someShipment}}, b.requests)
	b.givenOrder(t, order.StatusCancelled, order.ShipmentGone)
	require.Equal(t, "lost", b.post(t, shipmentPath("/deliver"), "").object(t)["status"], "it has ended before, in another way")
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	b.post(t, shipmentPath("/lost"), "").problem(t, http.StatusConflict, codeNotDeliverable)
}
