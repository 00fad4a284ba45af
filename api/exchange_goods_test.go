package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

const goodExchange = `{"lines": [{"sku": "SKU-1", "quantity": 1, "reason": "does_not_fit"}], "reason": "too_small", "by": "office",
	"order": {"items": [{"product_id": "p", "sku": "SKU-9", "quantity": 1, "unit_price": "24.90"}], "payment_token": "tok_new"}}`

func TestAnExchangeIsAnOrderThatGoodsPayFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenPaidOrder(t)
	answer := b.post(t, orderPath("/exchanges?preview=true"), goodExchange)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	for _, part := range []string{
		`"value":{"amount":"19.90"`, `"total":{"amount":"24.90"`, `"credit":{"amount":"19.90"`, `"due":{"amount":"5.00"`, `"refund":{"amount":"0.00"`,
	} {
		require.Contains(t, answer.body, part)
	}
	require.True(t, b.untouched())
	b.settles = settlesAs(order.StatusConfirmed)
	answer = b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	require.Len(t, b.started, 1)
	in := slices.Collect(maps.Values(b.started))[0]
	require.Equal(t, "24.90 EUR", in.Total().String())
	require.Equal(t, "cust-1", in.CustomerID)
	require.Equal(t, order.Exchange{OrderID: someOrder, ReturnID: domain.DerivedID(in.OrderID, "return"), OnReceipt: true}, in.Exchange.Exchange)
	require.Equal(t, []order.ReturnLine{{SKU: "SKU-1", Quantity: 1, Restock: true, Reason: "does_not_fit"}}, in.Exchange.Lines)
	require.Contains(t, answer.body, `"new_order_id":"`+in.OrderID.String()+`"`)
	b.settles = settlesAs(order.StatusCancelled)
	b.post(t, orderPath("/exchanges"), goodExchange).problem(t, http.StatusConflict, codeExchangeDeclined)
	declined := order.Order{Status: order.StatusCancelled, CancelledBy: order.BySystem, CancelReason: order.ReasonPaymentDeclined, RequestHash: in.RequestHash}
	b.folds[in.OrderID] = declined
	b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k").problem(t, http.StatusConflict, codeExchangeDeclined)
	declined.CancelledBy = order.ByCustomer
	b.folds[in.OrderID] = declined
	again := b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, again.status, "it was placed, whatever has become of it")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	b.settleErr = context.DeadlineExceeded
	require.Equal(t, http.StatusAccepted, b.post(t, orderPath("/exchanges"), goodExchange).status)
}

func TestExchangesAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.givenPaidOrder(t)
	p := b.post(t, orderPath("/exchanges"), `{"lines": [], "reason": "", "order": {"items": [], "currency": "EUR"}}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"body:lines", "body:reason", "body:by", "body:order.items", "body:order.currency"}, p.fields())
	const withoutToken = `{"lines": [{"sku": "SKU-1", "quantity": 1, "reason": "other"}], "reason": "r", "by": "office",
		"order": {"items": [{"product_id": "p", "sku": "SKU-9", "quantity": 1, "unit_price": "24.90"}]}}`
	b.post(t, orderPath("/exchanges"), withoutToken).problem(t, http.StatusConflict, payment.CodePaymentMethodNotKept)
	o.Status = order.StatusShipped
	b.folds[someOrder] = o
	b.post(t, orderPath("/exchanges"), goodExchange).problem(t, http.StatusConflict, order.CodeNotReturnable)
	require.True(t, b.untouched())
}

// givenPaidOrder is a delivered order whose shipment is captured, and that its payment covers.
func (b *testBundle) givenPaidOrder(t *testing.T) order.Order {
	t.Helper()
	o := b.givenMoney(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	o.ShipToCountry = "DE"
	b.folds[someOrder] = o
	return o
}
