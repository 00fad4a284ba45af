package workflows_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
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

// Others may use the same account at the gateway. It fails when a report of a payment that is none of ours is tried
// again (late_payment_saga.go).
func TestAReportOfAnOrderThatIsNotHereEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	orderID := uuid.New()
	id := payment.ID(orderID)
	theirs, err := p.gateway.Authorize(t.Context(), payments.AuthorizeRequest{
		IdempotencyKey: "theirs", PaymentID: id, OrderID: orderID, Amount: money.Must("10.00", "EUR"), Token: "tok_approve",
	})
	require.NoError(t, err)
	begun := p.env.Now()
	p.env.ExecuteWorkflow(workflows.LatePaymentSaga, workflows.LatePayment{OrderID: orderID, PaymentID: id, GatewayRef: theirs.GatewayRef})
	require.NoError(t, p.env.GetWorkflowError())
	require.Less(t, p.env.Now().Sub(begun), hour/60)
	balance, err := p.gateway.Balance(id)
	require.NoError(t, err)
	require.Equal(t, "10.00", balance.Held.Text(), "it is left alone")
}

// It fails when a cancelled order keeps what somebody has captured in the gateway's dashboard (order_saga.go,
// cancelAndUndo).
func TestWhatWasCapturedElsewhereGoesBackWithTheCancellation(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.env.RegisterDelayedCallback(func() {
		id := payment.ID(p.orderID)
		_, err := p.gateway.CaptureElsewhere(id, money.Must("5.00", "EUR"))
		require.NoError(t, err)
		p.carryOut(t, func(a *activities.Activities) any { return a.RecordGatewayEvent }, activities.RecordGatewayEvent{PaymentID: id, At: p.env.Now()})
	}, hour)
	cancelled := p.ask(2*hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.NoError(t, cancelled.err)
	require.Equal(t, order.StatusCancelled, told.Status)
	balance, err := p.gateway.Balance(p.payment(t).ID)
	require.NoError(t, err)
	require.Equal(t, []string{"0.00", "5.00", "5.00"}, []string{balance.Held.Text(), balance.Captured.Text(), balance.Refunded.Text()})
	require.Equal(t, payment.RefundStatusPaid, p.payment(t).Refunds[0].Status())
}
