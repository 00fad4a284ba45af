package e2e_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

// TestCommandsBesideAPlatform runs commands beside a platform, as a person does. One is "orderloom reconcile".
//
// It fails when the command does not end with what the saga has found (sagaclient/reconcile.go). It fails too when what
// was done at the gateway alone does not become part of the order (activities/reconcile_payments.go).
func TestCommandsBesideAPlatform(t *testing.T) {
	t.Parallel()
	s := openShop(t, "ORDERLOOM_WEBHOOK_PRIVATE", "true")
	c := s.commands(t)
	key := commands{c.program, c.documentEnvironment(s)}.makeKey(t, "admin") // it is good within a second
	t.Run("orders", func(t *testing.T) { c.carryOrders(t, s) })
	o := s.place(t, states["confirmed"])
	t.Run("bundle", func(t *testing.T) { c.bundle(t) })
	for _, document := range []string{"tutorial.md", "production.md", "rollout.md", "scale.md"} {
		t.Run(document, func(t *testing.T) { s.runDocument(t, c, key, document) })
	}
	t.Run("webhooks", func(t *testing.T) { c.carryWebhooks(t, s) })
	reconcile := func(exit int, args ...string) reconciled { return c.reconcile(t, exit, args...) }
	o.ship("berlin")
	o.awaitStatus(client.OrderDelivered)
	agreed := reconcile(0, "--order", o.id.String())
	require.Zero(t, agreed.Adopted)
	require.Equal(t, 1, agreed.Compared)

	_, err := o.gateway.RefundElsewhere(payment.ID(o.id), money.Must("7.00", "EUR"))
	require.NoError(t, err)
	require.Equal(t, 1, reconcile(0).Adopted, "by the gateway's ledger")
	o.await("the refund that was made elsewhere", func() bool {
		shown := o.shown()
		return shown.Refunded.Amount == "7.00" && len(shown.Refunds) == 1 && shown.Refunds[0].MadeElsewhere
	})
	require.Zero(t, reconcile(0, "--since", "48h").Adopted, "once")

	o.bookRefund("2.00")
	require.NotZero(t, reconcile(3, "--order", o.id.String()).Differences)
	reconcile(4, "--order", uuid.NewString())
	reconcile(2, "--since", "yesterday")
	t.Run("blocks", func(t *testing.T) { s.runBlocks(t, c, key) })
}

// bookRefund records a refund that the gateway has never made.
func (o *drilled) bookRefund(amount string) {
	o.t.Helper()
	refundID, now := uuid.New(), time.Now()
	payments := eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve, Clone: payment.Payment.Clone}
	stamp := eventstore.Stamp{Source: "drill/" + refundID.String(), At: now}
	_, _, err := eventstore.Execute(o.t.Context(), o.events, payments, payment.ID(o.id), stamp, func(p payment.Payment) ([]domain.Event, error) {
		requested, err := payment.RequestRefund(p, payment.RefundPayment{RefundID: refundID, Amount: money.Must(amount, "EUR"), Reason: "late", At: now})
		if err != nil {
			return nil, err
		}
		for _, e := range requested {
			p = payment.Evolve(p, e)
		}
		paid, err := payment.AnswerRefund(p, payment.RefundAnswer{
			RefundID: refundID, Attempt: 1, GatewayRef: "sandbox_refund_of_nobody", Status: payment.RefundStatusPaid, At: now,
		})
		return append(requested, paid...), err
	})
	require.NoError(o.t, err)
}

// reconciled is what "orderloom reconcile -o json" prints.
type reconciled struct{ Compared, Adopted, Differences int }

// reconcile is "orderloom reconcile", which has to end with this status.
func (c commands) reconcile(t *testing.T, exit int, args ...string) (r reconciled) {
	t.Helper()
	out := c.run(t, exit, append([]string{"reconcile", "-o", "json"}, args...)...)
	if exit == 0 || exit == 3 {
		require.NoError(t, json.Unmarshal([]byte(out), &r))
	}
	return r
}
