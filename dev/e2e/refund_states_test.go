package e2e_test

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
)

// Refunds under way are made by the steps of sagas whose executions are taken away right after them.

// step carries out a step that no saga goes on from.
func (o *drilled) step(of func(*activities.Activities) any, in any) {
	o.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	a := activities.New(activities.Options{Events: o.events, Gateway: o.gateway})
	env.RegisterActivity(a)
	o.await("a step", func() bool { // the platform may record something at the same moment
		_, err := env.ExecuteActivity(of(a), in)
		return err == nil
	})
}

// request leaves a refund requested, and the gateway not asked.
func (o *drilled) request(amount string) uuid.UUID {
	o.t.Helper()
	id := domain.DerivedID(o.id, "refund")
	o.step(func(a *activities.Activities) any { return a.RequestRefund }, activities.RequestRefund{
		OrderID: o.id, RefundID: id, Amount: money.Must(amount, "EUR"), Reason: "late", At: time.Now(),
	})
	return id
}

// lose leaves what a lost shipment owes unpaid.
func (o *drilled) lose(location string) {
	o.t.Helper()
	o.step(func(a *activities.Activities) any { return a.LoseShipment }, activities.EndShipment{
		OrderID: o.id, ShipmentID: o.shipmentFrom(location).ShipmentID, At: time.Now(),
	})
}

// takeBack leaves what returned goods owe unpaid.
func (o *drilled) takeBack(quantity int) {
	o.t.Helper()
	o.step(func(a *activities.Activities) any { return a.ReturnGoods }, activities.ReturnGoods{
		OrderID: o.id, ReturnID: domain.DerivedID(o.id, "return"), Reason: "too_small", At: time.Now(),
		Lines: []order.ReturnLine{{SKU: o.sku, Quantity: quantity, Restock: true}},
	})
}

// pend leaves a refund pending that the gateway has booked by now. Both are recorded at once, so that nobody else asks.
func (o *drilled) pend(amount string) {
	o.t.Helper()
	id, refundID := payment.ID(o.id), domain.DerivedID(o.id, "refund")
	paid := fold(o, domain.AggregatePayment, id, payment.Evolve, payment.Payment.Clone)
	made, err := o.gateway.Refund(o.t.Context(), payments.RefundRequest{
		IdempotencyKey: payment.RefundKey(id, refundID, 1), AskedAt: time.Now(), PaymentID: id, GatewayRef: paid.GatewayRef, Amount: money.Must(amount, "EUR"),
	})
	require.NoError(o.t, err)
	now := time.Now()
	_, _, err = eventstore.Execute(o.t.Context(), o.events,
		eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve, Clone: payment.Payment.Clone}, id,
		eventstore.Stamp{Source: "drill/" + refundID.String(), At: now}, func(p payment.Payment) ([]domain.Event, error) {
			events, err := payment.RequestRefund(p, payment.RefundPayment{RefundID: refundID, Amount: money.Must(amount, "EUR"), Reason: "late", At: now})
			if err != nil || len(events) == 0 {
				return nil, err
			}
			for _, e := range events {
				p = payment.Evolve(p, e)
			}
			pending, err := payment.AnswerRefund(p, payment.RefundAnswer{
				RefundID: refundID, Attempt: 1, GatewayRef: made.Ref, Status: payment.RefundStatusPending, At: now,
			})
			return append(events, pending...), err
		})
	require.NoError(o.t, err)
}

// reportPayment lets the gateway report on the payment, as its webhook does.
func (o *drilled) reportPayment() {
	o.t.Helper()
	run, err := o.sagas.ExecuteWorkflow(o.t.Context(), client.StartWorkflowOptions{
		ID: "late-payment-" + uuid.NewString(), TaskQueue: workflows.TaskQueue,
	}, workflows.LatePaymentSaga, workflows.LatePayment{OrderID: o.id, PaymentID: payment.ID(o.id)})
	require.NoError(o.t, err)
	require.NoError(o.t, run.Get(context.WithoutCancel(o.t.Context()), nil))
}
