package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// givenMoney is an order of two pieces at 19.90 of which the shipment is in a state; one that has left is captured.
func (b *testBundle) givenMoney(t *testing.T, status order.Status, shipment order.ShipmentStatus) order.Order {
	t.Helper()
	v := b.givenOrder(t, status, shipment)
	o := order.Order{
		ID: someOrder, Number: v.OrderNumber, CustomerID: v.CustomerID, Status: status, Items: v.Items, Total: v.Total, Shipments: v.Shipments,
		DeliveredAt: time.Now(),
	}
	b.folds[someOrder] = o
	b.pay = payment.Payment{
		ID: payment.ID(someOrder), OrderID: someOrder, Status: payment.StatusAuthorized, Authorized: v.Total,
		Captured: money.Zero("EUR"), Refunded: money.Zero("EUR"), GatewayRef: "g",
	}
	if shipment.Left() {
		b.pay.Status, b.pay.Captured = payment.StatusCaptured, v.Total
		b.pay.Captures = map[uuid.UUID]money.Money{v.Shipments[0].ShipmentID: v.Total}
	}
	return o
}

func TestAPreviewTellsWhatARequestWouldDoAndDoesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   order.Status
		shipment order.ShipmentStatus
		path     string
		body     string
		want     []string
	}{
		"cancel": {order.StatusConfirmed, order.ShipmentStatusPlanned, "/cancel", goodCancel, []string{`"status":"cancelled"`, `"amount":{"amount":"39.80"`}},
		"cancel lines": {
			order.StatusConfirmed, order.ShipmentStatusPlanned, "/lines/cancel", `{"lines": [{"sku": "SKU-1", "quantity": 1}], "reason": "r"}`,
			[]string{`"total":{"amount":"19.90"`, `"amount":{"amount":"19.90"`, `"quantity":1`},
		},
		"return": {
			order.StatusDelivered, order.ShipmentStatusDelivered, "/returns", `{"lines": [{"sku": "SKU-1", "quantity": 1}], "reason": "r"}`,
			[]string{`"amount":{"amount":"19.90"`, `"refund":{"amount":"19.90"`},
		},
		"return that is requested": {
			order.StatusDelivered, order.ShipmentStatusDelivered, "/returns",
			`{"status": "requested", "lines": [{"sku": "SKU-1", "quantity": 1, "reason": "damaged"}], "reason": "r"}`,
			[]string{`"amount":{"amount":"19.90"`, `"refund":{"amount":"19.90"`},
		},
		"refund": {
			order.StatusDelivered, order.ShipmentStatusDelivered, "/refunds", `{"amount": "5.00", "currency": "EUR", "reason": "late"}`,
			[]string{`"amount":{"amount":"5.00"`, `"refund":{"amount":"5.00"`},
		},
		"refund of a line": {
			order.StatusDelivered, order.ShipmentStatusDelivered, "/refunds", `{"lines": [{"sku": "SKU-1", "quantity": 1}], "reason": "late"}`,
			[]string{`"lines":[{"line_id"`, `"refund":{"amount":"19.90"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenMoney(t, c.status, c.shipment)
			answer := b.post(t, orderPath(c.path+"?preview=true"), c.body)
			require.Equal(t, http.StatusOK, answer.status, answer.body)
			for _, part := range c.want {
				require.Contains(t, answer.body, part)
			}
			require.True(t, b.untouched(), "nothing is asked of a saga")
		})
	}
}

func TestAPreviewIsRefusedAsTheRequestIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenMoney(t, order.StatusShipped, order.ShipmentStatusDispatched)
	b.post(t, orderPath("/cancel?preview=true"), goodCancel).problem(t, http.StatusConflict, order.CodeNotCancellable)
	b.post(t, orderPath("/returns?preview=true"), `{"lines": [{"sku": "SKU-1", "quantity": 1}], "reason": "r"}`).problem(t, http.StatusConflict, order.CodeNotReturnable)
	b.post(t, orderPath("/refunds?preview=true"), `{"amount": "500.00", "currency": "EUR", "reason": "late"}`).problem(t, http.StatusConflict, payment.CodeRefundExceedsCapture)
}

func TestTheMoneyOfAnOrderIsToldToProgramsAndPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.givenMoney(t, order.StatusShipped, order.ShipmentStatusDispatched)
	told := b.get(t, orderPath("/money"))
	require.Equal(t, http.StatusOK, told.status, told.body)
	require.Contains(t, told.body, `"totals":{"gross":{"amount":"39.80","currency":"EUR"}`)
	require.Contains(t, told.body, `"captures":[{"id":"`+o.Shipments[0].ShipmentID.String()+`"`)
	text := b.get(t, orderPath("/money"), "Accept", "text/plain")
	require.Equal(t, "text/plain; charset=utf-8", text.header.Get("Content-Type"))
	require.Contains(t, text.body, o.Number)
	require.Regexp(t, `total in EUR +39\.80 +0\.00 +0\.00 +39\.80 +39\.80 +0\.00 +39\.80\n`, text.body)
	b.get(t, "/api/v1/orders/"+uuid.NewString()+"/money").problem(t, http.StatusNotFound, codeNotFound)
}
