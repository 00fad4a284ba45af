package api

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

const goodRefund = `{"amount": "5.00", "currency": "EUR", "reason": "late"}`

func TestRefundPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	first := b.post(t, orderPath("/refunds"), goodRefund, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, first.body, b.post(t, orderPath("/refunds"), `{"amount": 5, "currency": "EUR", "reason": "late"}`, "Idempotency-Key", "k").body)
	require.Equal(t, money.Must("5", "EUR").Text(), b.requests[0].(workflows.RefundInput).Amount.Text())
}

func TestARefundIsAskedForByLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	answer := b.post(t, orderPath("/refunds"), `{"lines": [{"sku": "A", "quantity": 2}, {"sku": "B", "amount": "0.50"}], "reason": "damaged"}`)
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	asked := b.requests[0].(workflows.RefundInput)
	require.True(t, asked.Amount.IsZero(), "it follows from the lines")
	require.Equal(t, []order.RefundLine{{SKU: "A", Quantity: 2}, {SKU: "B", Amount: decimal.RequireFromString("0.50")}}, asked.Lines)
}

func TestARefundUnderWayIsAcceptedAndOneThatFailedIsAConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	for _, status := range []payment.RefundStatus{payment.RefundStatusRequested, payment.RefundStatusPending} {
		b.refundStatus = status
		answer := b.post(t, orderPath("/refunds"), goodRefund)
		require.Equal(t, http.StatusAccepted, answer.status, answer.body)
		require.Contains(t, answer.body, `"status":"`+string(status)+`"`)
	}
	b.refundStatus = payment.RefundStatusFailed
	p := b.post(t, orderPath("/refunds"), goodRefund).problem(t, http.StatusConflict, codeGatewayRefused)
	require.Contains(t, p.Detail, "the card is closed")
}

func TestARefundThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	failed, paid := uuid.New(), uuid.New()
	view := b.views[someOrder]
	view.Refunds = []payment.RefundSummary{
		{RefundID: failed, Amount: money.Must("5", "EUR"), Reason: "late", Status: payment.RefundStatusFailed, Attempts: 2, CreatedAt: acceptedAt},
		{RefundID: paid, Amount: money.Must("1", "EUR"), Reason: "late", Status: payment.RefundStatusPaid, Attempts: 1, CreatedAt: acceptedAt, RefundedAt: acceptedAt},
	}
	b.views[someOrder] = view
	retry := func(id uuid.UUID) answer { return b.post(t, orderPath("/refunds/"+id.String()+"/retry"), `{}`) }

	require.Equal(t, http.StatusCreated, retry(paid).status)
	require.Empty(t, b.requests, "nothing is to be done for it")
	retry(uuid.New()).problem(t, http.StatusNotFound, codeNotFound)
	require.Equal(t, http.StatusCreated, retry(failed).status)
	asked := b.requests[0].(workflows.RefundInput)
	require.Equal(t, failed, asked.RefundID)
	require.Equal(t, "5.00 EUR", asked.Amount.String())
	require.Equal(t, 2, asked.After)
}

func TestRefundPaymentRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, orderPath("/refunds"), goodRefund).problem(t, http.StatusNotFound, codeNotFound)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	for body, fields := range map[string][]string{
		`{}`: {"body:amount", "body:currency", "body:reason"},
		`{"amount": 0, "currency": "EUR", "reason": "x"}`:         {"body:amount"},
		`{"amount": "-1", "currency": "EUR", "reason": "x"}`:      {"body:amount"},
		`{"amount": "1.001", "currency": "EUR", "reason": "x"}`:   {"body:amount"},
		`{"amount": "1", "currency": "XXQ", "reason": ""}`:        {"body:currency", "body:reason"},
		`{"amount": "1", "currency": "USD", "reason": "x"}`:       {"body:currency"},
		`{"amount": true, "currency": "EUR", "reason": "x"}`:      {"body:amount"},
		`{"amount": 1e999999999, "currency": "EUR", "reason": 1}`: {"body:amount", "body:reason"},
	} {
		t.Run(body, func(t *testing.T) {
			require.ElementsMatch(t, fields, b.post(t, orderPath("/refunds"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	for body, fields := range map[string][]string{
		`{"lines": [{"sku": "A", "quantity": 1}], "amount": 1, "reason": "x"}`:                              {"body:amount"},
		`{"lines": [{"sku": "A", "quantity": 1}], "currency": "USD", "reason": "x"}`:                        {"body:currency"},
		`{"lines": [{"sku": "A"}, {"sku": "B", "quantity": 1, "amount": 1}], "reason": "x"}`:                {"body:lines[0]", "body:lines[1]"},
		`{"lines": [{"sku": "A", "quantity": 1, "amount": 1}, {"sku": "C", "quantity": 1}], "reason": "x"}`: {"body:lines[0]"},
		`{"lines": [{"quantity": 1}], "reason": "x"}`:                                                       {"body:lines[0]"},
	} {
		t.Run(body, func(t *testing.T) {
			require.Subset(t, fields, b.post(t, orderPath("/refunds"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	require.True(t, b.untouched())
	b.cancelErr = domain.Refuse(codeRefundTooLarge, "only 1.00 EUR can go back")
	b.post(t, orderPath("/refunds"), goodRefund).problem(t, http.StatusConflict, codeRefundTooLarge)
	b.cancelErr = domain.Refuse(payment.CodeRefundUnderWay, "another one has no answer")
	b.post(t, orderPath("/refunds"), goodRefund).problem(t, http.StatusConflict, payment.CodeRefundUnderWay)
	open, view := uuid.New(), b.views[someOrder]
	view.Refunds = []payment.RefundSummary{{
		RefundID: open, Amount: money.Must("5", "EUR"), Reason: "late", Status: payment.RefundStatusRequested, Attempts: 1, CreatedAt: acceptedAt,
	}}
	b.views[someOrder] = view
	answer := b.post(t, orderPath("/refunds"), goodRefund)
	answer.problem(t, http.StatusConflict, payment.CodeRefundUnderWay)
	require.Contains(t, answer.body, open.String(), "it shows the open one")
	b.cancelErr = domain.Refuse(payment.CodePaymentDisputed, "it waits")
	b.post(t, orderPath("/refunds"), goodRefund).problem(t, http.StatusConflict, payment.CodePaymentDisputed)
}
