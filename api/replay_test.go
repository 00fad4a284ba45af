package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// What is recorded under a key is answered as a replay when it comes again. Something else under the key is shown what
// stands.
func TestWhatIsRecordedUnderAKeyStands(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	for name, c := range map[string]struct {
		path, body string
		stands     any
		member     string
		shown      map[string]any
	}{
		"a receipt": {
			receiptsPath, goodReceipt,
			workflows.StockReceipt{ReceiptID: id, SKU: "SKU-1", Location: "berlin", Quantity: 7},
			"receipt",
			map[string]any{"receipt_id": id.String(), "sku": "SKU-1", "location": "berlin", "quantity": 7.0},
		},
		"an adjustment": {
			adjustmentsPath, goodAdjustment,
			workflows.StockAdjustment{AdjustmentID: id, SKU: "SKU-1", Location: "berlin", Delta: 7, Reason: "counted"},
			"adjustment",
			map[string]any{"adjustment_id": id.String(), "sku": "SKU-1", "location": "berlin", "delta": 7.0, "reason": "counted"},
		},
		"a location": {
			locationsPath, goodLocation,
			workflows.LocationChange{RequestID: id, ID: "oslo"},
			"location",
			map[string]any{
				"id": "oslo", "name": "Oslo, harbour", "country": "NO", "address": map[string]any{"city": "Oslo"}, "active": true, "priority": 5.0,
			},
		},
		"a refund": {
			orderPath("/refunds"), goodRefund,
			workflows.RefundInput{OrderID: someOrder, RefundID: id, Amount: money.Must("7.00", "EUR"), Reason: "late"},
			"refund",
			map[string]any{
				"order_id": someOrder.String(), "refund_id": id.String(), "reason": "late", "amount": map[string]any{"amount": "7.00", "currency": "EUR"},
			},
		},
		"a return": {
			orderPath("/returns"), goodReturn,
			workflows.ReturnInput{OrderID: someOrder, ReturnID: id, Lines: []order.ReturnLine{{SKU: "SKU-1", Quantity: 7}}, Reason: "broken"},
			"return",
			map[string]any{
				"order_id": someOrder.String(), "return_id": id.String(), "reason": "broken",
				"lines": []any{map[string]any{"sku": "SKU-1", "quantity": 7.0, "restock": false}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
			first := b.post(t, c.path, c.body, "Idempotency-Key", "k")
			require.Equal(t, http.StatusCreated, first.status, first.body)
			require.Empty(t, first.header.Get("Idempotent-Replayed"))
			b.replayed = true
			again := b.post(t, c.path, c.body, "Idempotency-Key", "k")
			require.Equal(t, http.StatusCreated, again.status, again.body)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, first.body, again.body)

			reused := &sagaclient.Reused{Refusal: domain.Refuse(codeKeyReused, "another"), Stands: c.stands}
			b.stockErr, b.cancelErr = reused, reused
			refused := b.post(t, c.path, c.body, "Idempotency-Key", "k")
			refused.problem(t, http.StatusUnprocessableEntity, codeKeyReused)
			require.Equal(t, c.shown, refused.object(t)[c.member])
		})
	}
}

// What a saga finds wrong with a request is blamed on its body, as the API blames what it finds itself.
func TestTheRefusalOfASagaNamesItsField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	bad := domain.Invalids{domain.Invalid("lines[1].quantity", "is too much"), domain.Invalid("lines[2]", "is unknown")}
	b.cancelErr = errors.Join(errors.New("the saga says"), bad)
	refused := b.post(t, orderPath("/lines/cancel"), goodCancelLines)
	require.Equal(t, []string{"body:lines[1].quantity", "body:lines[2]"}, refused.problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.Contains(t, refused.body, `"#/lines/1/quantity"`)
}

func TestTheTrackingOfAShipmentIsCorrected(t *testing.T) {
	t.Parallel()
	const body = `{"carrier": "UPS", "tracking_number": "2"}`
	path := orderPath("/shipments/" + someShipment.String() + "/tracking")
	b := setup(t)
	v := b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusShipped}
	require.Equal(t, http.StatusOK, b.post(t, path, body, "Idempotency-Key", "k").status)
	asked := b.requests[0].(workflows.TrackingRequest)
	require.Equal(t, []string{"UPS", "2", someShipment.String()}, []string{asked.Carrier, asked.TrackingNumber, asked.ShipmentID.String()})

	b.folds[someOrder] = order.Evolve(b.folds[someOrder], order.ShipmentTrackingCorrected{
		ShipmentID: asked.ShipmentID, RequestID: asked.RequestID, Carrier: asked.Carrier, TrackingNumber: asked.TrackingNumber,
	})
	b.folds[someOrder] = order.Evolve(b.folds[someOrder], order.ShipmentDelivered{ShipmentID: someShipment})
	b.cancelErr = domain.Refuse(order.CodeNotUnderWay, "it has arrived")
	again := b.post(t, path, body, "Idempotency-Key", "k")
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	other := `{"carrier": "DHL", "tracking_number": "3"}`
	b.post(t, path, other, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
	require.Equal(t, order.StatusShipped, b.post(t, path, other).problem(t, http.StatusConflict, order.CodeNotUnderWay).Order.Status)
}

// An order that was taken while other rules held is answered as it was, though today's rules refuse it.
func TestAnOrderOfOtherRulesIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	without := func(member string) string { return replaced(t, goodOrder, member, "") }
	for name, sent := range map[string]string{
		"without a name":        without(`"recipient": {"name": "Geheime Person"},`),
		"with spaces around":    replaced(t, without(`"recipient": {"name": "Geheime Person"},`), `"Berlin"`, `" Berlin "`),
		"with another spelling": replaced(t, goodOrder, `"Berlin"`, `" Berlin "`),
		"with no such zip":      replaced(t, goodOrder, `"10119"`, `"1"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			key := strings.ReplaceAll(name, " ", "-")
			headers := []string{"Idempotency-Key", key}
			before := b.placedAsSent(t, sent, key)
			again := b.post(t, ordersPath, sent, headers...)
			require.Equal(t, http.StatusCreated, again.status, again.body)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, before.String(), again.object(t)["order_id"])
			require.Equal(t, map[string]any{"amount": "39.80", "currency": "EUR"}, again.object(t)["total"])

			other := b.post(t, ordersPath, replaced(t, sent, `"quantity": 2`, `"quantity": 3`), headers...)
			require.Equal(t, http.StatusUnprocessableEntity, other.status, other.body)
		})
	}
}

// placedAsSent lets the events know an order that came from a request as it was sent.
func (b *testBundle) placedAsSent(t *testing.T, body, key string) uuid.UUID {
	t.Helper()
	var r newOrder
	require.NoError(t, json.Unmarshal([]byte(body), &r))
	r.nameCurrency()
	hash, err := httpx.Fingerprint(key, &r)
	require.NoError(t, err)
	id := domain.DerivedID(orderNamespace, "\x00"+key)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.folds[id] = order.Order{ID: id, Number: order.Number(id), Status: order.StatusConfirmed, RequestHash: hash, Items: r.lines()}
	return id
}
