package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodPayment = `{"payment_token": "tok_secret_of_the_customer", "keep_payment_method": true}`

var missing = &payment.Requirement{
	Amount: money.Must("19.90", "EUR"), Reason: "card_declined", RequiredAt: acceptedAt, DeadlineAt: acceptedAt.Add(time.Hour),
}

// waiting is an order that waits for money, and what its saga says of the payment.
func waiting(t *testing.T, s workflows.PaymentState) *testBundle {
	b := setup(t)
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusConfirmed, Payment: &s}
	b.pay = payment.Payment{ID: payment.ID(someOrder), OrderID: someOrder, Status: payment.StatusPaymentRequired, Required: missing}
	return b
}

func TestAnotherMeansOfPaymentIsAnsweredByWhatHasBecomeOfIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  workflows.PaymentState
		status int
		says   string
	}{
		"authorised": {workflows.PaymentState{Status: payment.StatusAuthorized}, http.StatusOK, `"payment_status":"authorized"}`},
		"declined":   {workflows.PaymentState{Status: payment.StatusPaymentRequired, Required: missing}, http.StatusOK, `"reason":"card_declined"`},
		"needs the bank": {
			workflows.PaymentState{Status: payment.StatusActionRequired, ActionURL: "https://bank.example"},
			http.StatusAccepted,
			`"payment_action_url":"https://bank.example"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := waiting(t, c.state)
			answer := b.post(t, orderPath("/payment"), goodPayment)
			require.Equal(t, c.status, answer.status, answer.body)
			require.Contains(t, answer.body, c.says)
			r := b.requests[0].(workflows.PaymentRequest)
			require.True(t, r.Keep)
			var token string
			require.NoError(t, b.Open(t.Context(), r.Token, &token))
			require.Equal(t, "tok_secret_of_the_customer", token)
			require.NotContains(t, fmt.Sprintf("%s %+v", b.log.String(), r), "tok_secret")
		})
	}
}

func TestAnotherMeansOfPaymentIsKnownFromTheEventsHoweverLate(t *testing.T) {
	t.Parallel()
	b := waiting(t, workflows.PaymentState{Status: payment.StatusAuthorized})
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/payment"), goodPayment, "Idempotency-Key", "k").status)
	r := b.requests[0].(workflows.PaymentRequest)
	b.pay = payment.Payment{Status: payment.StatusCaptured, Methods: []payment.Method{{RequestID: r.RequestID, RequestHash: r.RequestHash}}}
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	again := b.post(t, orderPath("/payment"), goodPayment, "Idempotency-Key", "k")
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Contains(t, again.body, `"payment_status":"captured"`)
	other := strings.Replace(goodPayment, "tok_secret", "tok_other", 1)
	p := b.post(t, orderPath("/payment"), other, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
	require.Equal(t, order.StatusConfirmed, p.Order.Status)
	b.post(t, orderPath("/payment"), other, "Idempotency-Key", "another").problem(t, http.StatusConflict, payment.CodePaymentNotRequired)
}

func TestAPaymentThatTakesLongIsUnderWay(t *testing.T) {
	t.Parallel()
	b := waiting(t, workflows.PaymentState{})
	b.cancelState.UnderWay = true
	answer := b.post(t, orderPath("/payment"), goodPayment)
	require.Equal(t, http.StatusAccepted, answer.status, answer.body)
	require.Contains(t, answer.body, `"payment_status":"payment_required"`)
	require.Contains(t, answer.body, `"under_way":true`)
}

func TestAnotherMeansOfPaymentIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, orderPath("/payment"), goodPayment).problem(t, http.StatusNotFound, codeNotFound)
	b = waiting(t, workflows.PaymentState{})
	b.post(t, orderPath("/payment"), `{"payment_token": " "}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.True(t, b.untouched())
	for _, code := range []domain.ErrorCode{payment.CodePaymentNotRequired, payment.CodePaymentUnderWay} {
		b.cancelErr = domain.Refuse(code, "because")
		p := b.post(t, orderPath("/payment"), goodPayment).problem(t, http.StatusConflict, code)
		require.Equal(t, order.StatusConfirmed, p.Order.Status)
	}
	b.cancelErr = sagaclient.ErrUnavailable
	b.post(t, orderPath("/payment"), goodPayment).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/payment"), goodPayment).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
