package workflows_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// captureRefused is a gateway that refuses captures for as long as it is set to.
type captureRefused struct {
	*sandbox.Gateway
	refuses atomic.Bool
}

func (g *captureRefused) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	if g.refuses.Load() {
		return payments.CaptureResult{}, domain.Refuse(payments.CodeGatewayRefused, "the card was replaced")
	}
	return g.Gateway.Capture(ctx, r)
}

var changedMind = workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"}

// It fails when the saga of an order whose money the gateway holds ends, or does not see that it is let go
// (order_attention.go, awaitRelease).
func TestAnOrderWhoseMoneyIsHeldIsNotFinished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mends func(*testing.T, *platform)
		ends  time.Duration
	}{
		"until it is let go elsewhere": {func(t *testing.T, p *platform) { p.letGoAt(t, 30*hour) }, 32 * hour},
		"until a void that is tried again succeeds": {func(t *testing.T, p *platform) {
			p.attendAt(t, 90*time.Minute, func(at time.Time) any {
				return activities.VoidPayment{OrderID: p.orderID, Reason: "retried", At: at}
			})
		}, 90 * time.Minute},
		"until somebody has settled it": {func(t *testing.T, p *platform) {
			p.attendAt(t, 3*hour, func(at time.Time) any {
				return activities.ResolveAttention{OrderID: p.orderID, Amount: money.Must("20.00", "EUR"), Reference: "call 7", By: "ann", At: at}
			})
		}, 3 * hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, refusesVoids)
			marks := p.marks()
			begun := p.env.Now()
			cancelled := p.ask(hour, workflows.CancelOrder, changedMind)
			var open []string
			p.env.RegisterDelayedCallback(func() { open = append(open, *marks...) }, hour+time.Minute)
			late := p.ask(hour+2*time.Minute, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
			c.mends(t, p)
			told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
			require.NoError(t, cancelled.err)
			require.Equal(t, string(order.CodeNotDispatchable), code(late.err))
			require.Equal(t, order.StatusCancelled, told.Status)
			require.Equal(t, []string{"attention: void_failed", workflows.MarkMoneyHeld}, open)
			require.Equal(t, append(open, "attention: ", "cancelled"), *marks)
			require.False(t, p.payment(t).HoldsMoney())
			require.WithinDuration(t, begun.Add(c.ends), p.env.Now(), hour+time.Minute)
		})
	}
}

// It fails when a saga that takes over asks once more for the void that was refused (order_resume.go,
// pushCompensations). It fails too when it forgets what is searchable (order_continue.go).
func TestAnOrderWhoseMoneyIsHeldContinuesAsNew(t *testing.T) {
	t.Parallel()
	p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, refusesVoids)
	p.at(hour, workflows.CancelOrder, changedMind)
	next, carried := p.continueAfter(t, scenario{}, p.input("tok_approve", item("A", 2, "10.00")), 4*hour)
	require.Equal(t, workflows.MarkMoneyHeld, carried.Carried.Mark)
	require.Equal(t, []string{"void_failed"}, carried.Carried.Attention)
	marks := next.marks()
	next.letGoAt(t, 30*hour)
	told := next.play(t, carried)
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, []string{"attention: ", "cancelled"}, *marks)
	require.EqualValues(t, 1, p.asked.(*voidRefused).asked.Load(), "the void is asked for once")
	next.audit(t, scenario{}, told)
}

// A dispute begins and ends at the gateway. It fails when the saga does not look at what others have recorded
// (order_attention.go, takePaymentChanges).
func TestWhatOthersRecordOfAnOrderIsSearchable(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	marks := p.marks()
	p.dispatchAt(hour, "berlin")
	for after, kind := range map[time.Duration]payments.EventKind{2 * hour: payments.EventDisputeOpened, 3 * hour: payments.EventDisputeWon} {
		p.env.RegisterDelayedCallback(func() {
			_, err := p.gateway.Dispute(payment.ID(p.orderID), kind, money.Must("10.00", "EUR"))
			require.NoError(t, err)
			p.carryOut(t, func(a *activities.Activities) any { return a.RecordGatewayEvent }, activities.RecordGatewayEvent{
				PaymentID: payment.ID(p.orderID), At: p.env.Now(),
			})
			for range 2 {
				p.env.SignalWorkflow(workflows.PaymentChanged, nil)
			}
		}, after)
	}
	p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(workflows.PaymentChanged, nil) }, 4*hour)
	p.reportAt(5*hour, workflows.ShipmentDelivered, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, []string{"attention: dispute_open", "attention: ", "delivered"}, *marks, "only what changes is written")
}

// It fails when the saga does not look after a capture that was refused (order_shipments.go, changeShipments).
func TestARefusedCaptureIsSearchableUntilItIsMade(t *testing.T) {
	t.Parallel()
	gateway := &captureRefused{}
	p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
		gateway.Gateway = g
		return gateway
	})
	gateway.refuses.Store(true)
	marks := p.marks()
	p.dispatchAt(hour, "berlin")
	p.env.RegisterDelayedCallback(func() { gateway.refuses.Store(false) }, 2*hour)
	p.deliver(3*hour, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, []string{"attention: capture_failed", "attention: ", "delivered"}, *marks)
	p.audit(t, scenario{}, told)
}
