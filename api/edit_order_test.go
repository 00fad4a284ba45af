package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodEdit = `{"add": [{"product_id": "p-2", "sku": "SKU-2", "quantity": 2, "unit_price": "3.50",
	"taxes": [{"name": "VAT", "rate": "0.19"}]}], "lines": [{"sku": "SKU-1", "quantity": 1}], "reason": "customer_request"}`

// givenConfirmed lets the events know a confirmed order of 2 pieces of SKU-1 at 10.00.
func (b *testBundle) givenConfirmed(t *testing.T) order.Order {
	t.Helper()
	events, err := order.Place(order.Order{}, order.PlaceOrder{
		OrderID: someOrder, CustomerID: "c", ShipToCountry: "DE", RequestHash: "h", At: time.Unix(1, 0).UTC(),
		Items: []order.Item{{ProductID: "p-1", SKU: "SKU-1", Quantity: 2, UnitPrice: money.Must("10.00", "EUR")}},
	})
	require.NoError(t, err)
	o := order.Evolve(order.Order{}, events[0])
	shipments := order.PlanShipments(o, []inventory.Allocation{{SKU: "SKU-1", Location: "berlin", Quantity: 2}})
	o = order.Evolve(o, order.OrderConfirmed{OrderID: someOrder, Shipments: shipments, ConfirmedAt: time.Unix(2, 0).UTC()})
	b.folds[someOrder] = o
	return o
}

func TestEditOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenConfirmed(t)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusConfirmed}
	for range 2 {
		r := b.post(t, orderPath("/edit"), goodEdit, "Idempotency-Key", "k")
		require.Equal(t, http.StatusOK, r.status, r.body)
	}
	require.Equal(t, b.requests[0], b.requests[1], "the key makes the request's id")
	r := b.requests[0].(workflows.EditRequest)
	require.Equal(t, []order.LineQuantity{{SKU: "SKU-1", Quantity: 1}}, r.Lines)
	require.Len(t, r.Add, 1)
	require.Equal(t, "8.33", r.Add[0].Total().Text(), "2 at 3.50 and 19 % on top, rounded to the cent")
	b.post(t, orderPath("/edit"), goodEdit)
	require.NotEqual(t, r.RequestID, b.requests[2].(workflows.EditRequest).RequestID)
}

func TestEditPreviewTellsWhatTheEditComesTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenConfirmed(t)
	b.post(t, orderPath("/edit?preview=true"), goodEdit).problem(t, http.StatusConflict, inventory.CodeOutOfStock)
	b.stocked(map[string]map[string]int{"SKU-2": {"reno": 2}})
	r := b.post(t, orderPath("/edit?preview=true"), goodEdit)
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Contains(t, r.body, `"total_before":{"amount":"20.00","currency":"EUR"}`)
	require.Contains(t, r.body, `"total":{"amount":"18.33","currency":"EUR"}`)
	require.Contains(t, r.body, `"difference":{"amount":"-1.67","currency":"EUR"}`)
	require.Empty(t, b.requests, "nothing is asked of the saga")
}

func TestAnEditIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.givenConfirmed(t)
	for body, fields := range map[string][]string{
		`{"reason": "x"}`: {"body:"},
		`{"lines": [{"sku": "SKU-9", "quantity": 1}], "reason": "x"}`:                                                                             {"body:lines[0].sku"},
		`{"lines": [{"sku": "SKU-1", "quantity": 2}], "reason": "x"}`:                                                                             {"body:"},
		`{"add": [{"product_id": "p", "sku": "s", "quantity": 1, "unit_price": "1.00", "currency": "USD"}], "reason": "x"}`:                       {"body:add[0].currency"},
		`{"lines": [{"sku": "SKU-1", "quantity": 1}, {"sku": "SKU-1", "quantity": 3}], "reason": "x"}`:                                            {"body:lines[1]"},
		`{"add": [{"product_id": "p", "sku": "s", "quantity": 1, "unit_price": "1.00", "taxes": [{"name": "a", "rate": "101"}]}], "reason": "x"}`: {"body:add[0].taxes[0].rate"},
	} {
		p := b.post(t, orderPath("/edit?preview=true"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, fields, p.fields())
	}
	b.post(t, orderPath("/edit?preview=true"), `{"lines": [{"sku": "SKU-1", "quantity": 0}], "reason": "x"}`).problem(t, http.StatusConflict, codeNothingLeft)
	for _, code := range []domain.ErrorCode{order.CodeEditDeclined, payment.CodePaymentMethodNotKept, inventory.CodeOutOfStock} {
		b.cancelErr = domain.Refuse(code, "no")
		b.post(t, orderPath("/edit"), goodEdit).problem(t, http.StatusConflict, code)
	}
	o.Status = order.StatusShipped
	b.folds[someOrder] = o
	b.post(t, orderPath("/edit?preview=true"), goodEdit).problem(t, http.StatusConflict, order.CodeNotEditable)
	b.post(t, "/api/v1/orders/"+uuid.NewString()+"/edit", goodEdit).problem(t, http.StatusNotFound, codeNotFound)
}
