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

const goodCancelLines = `{"lines": [{"sku": "SKU-1", "quantity": 1}], "reason": "customer_request"}`

func TestCancelLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusConfirmed}
	for range 2 {
		require.Equal(t, http.StatusOK, b.post(t, orderPath("/lines/cancel"), goodCancelLines, "Idempotency-Key", "k").status)
	}
	require.Equal(t, b.requests[0], b.requests[1], "the key makes the request's id")
	r := b.requests[0].(workflows.CancelLinesRequest)
	require.Equal(t, []order.LineQuantity{{SKU: "SKU-1", Quantity: 1}}, r.Lines)
	b.post(t, orderPath("/lines/cancel"), goodCancelLines)
	require.NotEqual(t, r.RequestID, b.requests[2].(workflows.CancelLinesRequest).RequestID)
	both := `{"lines": [{"line_id": "` + someLine.String() + `", "sku": "SKU-1", "quantity": 1}], "reason": "customer_request"}`
	b.post(t, orderPath("/lines/cancel"), both)
	require.Equal(t, []order.LineQuantity{{LineID: someLine, SKU: "SKU-1", Quantity: 1}}, b.requests[3].(workflows.CancelLinesRequest).Lines)
}

func TestLinesThatAreCancelledAgainAreAnsweredAsDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusConfirmed}
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/lines/cancel"), goodCancelLines, "Idempotency-Key", "k").status)
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/lines/cancel"), goodCancelLines, "Idempotency-Key", "k").problem(t, http.StatusConflict, codeNotCancellable)
	r := b.requests[0].(workflows.CancelLinesRequest)
	b.folds[someOrder] = order.Evolve(order.Order{ID: someOrder, Number: v.OrderNumber, Status: order.StatusDelivered}, order.OrderLinesCancelled{
		RequestID: r.RequestID, Reason: r.Reason, CancelledBy: r.By,
		RequestContent: order.CancelLines{RequestID: r.RequestID, Lines: r.Lines, Reason: r.Reason, By: r.By}.Request().Content,
	})
	again := b.post(t, orderPath("/lines/cancel"), goodCancelLines, "Idempotency-Key", "k")
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	other := strings.Replace(goodCancelLines, ": 1", ": 2", 1)
	b.post(t, orderPath("/lines/cancel"), other, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
}

func TestCancelLinesRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusCancelled, "")
	line := `{"sku": "a", "quantity": 1}`
	for body, fields := range map[string][]string{
		`{}`:                            {"body:lines", "body:reason"},
		`{"lines": [], "reason": "x"}`:  {"body:lines"},
		`{"lines": "a", "reason": "x"}`: {"body:lines"},
		`{"lines": [{"sku": "", "quantity": 0.5}, 7], "reason": ""}`: {
			"body:lines[0].sku", "body:lines[0].quantity", "body:lines[1]", "body:reason",
		},
		`{"lines": [{"quantity": 1}, {"line_id": "1", "quantity": 1}, {"line_id": null, "quantity": 1}], "reason": "x"}`: {
			"body:lines[0]", "body:lines[1].line_id", "body:lines[2].line_id",
		},
		`{"lines": [` + strings.Repeat(line+",", 100) + line + `], "reason": "x"}`: {"body:lines[100]"},
	} {
		t.Run(domain.Clip(body), func(t *testing.T) {
			require.ElementsMatch(t, fields, b.post(t, orderPath("/lines/cancel"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	require.True(t, b.untouched())
	b.cancelErr = domain.Refuse(codeNothingLeft, "nothing would be left")
	b.post(t, orderPath("/lines/cancel"), goodCancelLines).problem(t, http.StatusConflict, codeNothingLeft)
	b.cancelErr = domain.Refuse(codeInvalid, "lines[0]: of SKU-1 only 0 have not left yet")
	b.post(t, orderPath("/lines/cancel"), goodCancelLines).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.cancelErr = domain.Refuse(codeKeyReused, "cancelled by another request")
	b.post(t, orderPath("/lines/cancel"), goodCancelLines).problem(t, http.StatusUnprocessableEntity, codeKeyReused)
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	p := b.post(t, orderPath("/lines/cancel"), goodCancelLines).problem(t, http.StatusConflict, codeNotCancellable)
	require.Equal(t, order.StatusCancelled, p.Order.Status)
}
