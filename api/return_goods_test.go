package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodReturn = `{"lines": [{"sku": "SKU-1", "quantity": 1}, {"sku": "SKU-1", "quantity": 1, "restock": false}], "reason": "broken"}`

func TestReturnGoods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.post(t, orderPath("/returns"), goodReturn, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, first.body, b.post(t, orderPath("/returns"), goodReturn, "Idempotency-Key", "k").body)
	r := b.requests[0].(workflows.ReturnInput)
	require.Equal(t, []order.ReturnLine{{SKU: "SKU-1", Quantity: 1, Restock: true}, {SKU: "SKU-1", Quantity: 1}}, r.Lines)
	require.Equal(t, someOrder, r.OrderID)
	byLine := `{"lines": [{"line_id": "` + someLine.String() + `", "quantity": 1}], "reason": "broken"}`
	require.Equal(t, http.StatusCreated, b.post(t, orderPath("/returns"), byLine).status)
	require.Equal(t, []order.ReturnLine{{LineID: someLine, Quantity: 1, Restock: true}}, b.requests[2].(workflows.ReturnInput).Lines)
	for _, status := range []payment.RefundStatus{payment.RefundStatusRequested, payment.RefundStatusFailed} {
		b.refundStatus = status
		answer := b.post(t, orderPath("/returns"), goodReturn)
		require.Equal(t, http.StatusAccepted, answer.status, "the goods are back, whatever becomes of the refund")
		require.Contains(t, answer.body, `"status":"`+string(status)+`"`)
	}
}

func TestReturnGoodsRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.post(t, orderPath("/returns"), `{"lines": [{"sku": "", "quantity": 0, "restock": "no"}], "reason": "", "x": 1}`).
		problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"body:lines[0].sku", "body:lines[0].quantity", "body:lines[0].restock", "body:reason", "body:x"}, p.fields())
	p = b.post(t, orderPath("/returns"), `{"lines": [{"quantity": 1}], "reason": "x"}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"body:lines[0]"}, p.fields())
	require.Equal(t, "names no line, line_id or sku is required", p.Errors[0].Message)
	require.True(t, b.untouched())
	b.cancelErr = domain.Refuse(codeNotFound, "order does not exist")
	b.post(t, orderPath("/returns"), goodReturn).problem(t, http.StatusNotFound, codeNotFound)
	b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	for _, code := range []domain.ErrorCode{codeNotReturnable, codeWindowClosed} {
		t.Run(string(code), func(t *testing.T) {
			b.cancelErr = domain.Refuse(code, "because")
			p := b.post(t, orderPath("/returns"), goodReturn).problem(t, http.StatusConflict, code)
			require.Equal(t, order.StatusShipped, p.Order.Status)
		})
	}
	b.cancelErr = domain.Refuse(codeKeyReused, "another return")
	b.post(t, orderPath("/returns"), goodReturn).problem(t, http.StatusUnprocessableEntity, codeKeyReused)
}
