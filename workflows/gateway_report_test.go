package workflows_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// It fails when a report is no reason to record what the gateway has done (late_payment_saga.go, recordAtGateway).
func TestWhatTheGatewayHasDoneIsKnownAfterItsReport(t *testing.T) {
	t.Parallel()
	ten := money.Must("10.00", "EUR")
	p := refundPath{}.delivered(t)
	id := payment.ID(p.orderID)
	report := func() {
		t.Helper()
		in := workflows.LatePayment{OrderID: p.orderID, PaymentID: id, GatewayRef: p.payment(t).GatewayRef}
		require.NoError(t, p.after(t, &faults{seen: map[string]bool{}, at: -1}, workflows.LatePaymentSaga, in))
	}

	_, err := p.gateway.RefundElsewhere(id, ten)
	require.NoError(t, err)
	for range 2 {
		report()
		require.Equal(t, "10.00", p.payment(t).Refunded.Text())
	}

	_, err = p.gateway.Dispute(id, payments.EventDisputeOpened, ten)
	require.NoError(t, err)
	report()
	require.True(t, p.payment(t).Disputed())
	require.NoError(t, p.after(t, &faults{seen: map[string]bool{}, at: -1}, workflows.ReturnSaga, returnInput(p)))
	require.Equal(t, "10.00", p.payment(t).Refunded.Text(), "what is owed waits for the end of the dispute")
	require.Empty(t, p.payment(t).OpenRefunds())

	_, err = p.gateway.Dispute(id, payments.EventDisputeWon, ten)
	require.NoError(t, err)
	report()
	require.Equal(t, "30.00", p.payment(t).Refunded.Text())
	refundPath{refunded: "30.00"}.audit(t, p)
}
