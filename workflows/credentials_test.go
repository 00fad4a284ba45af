package workflows_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// keyRevoked is a gateway that refuses our credentials while its key is revoked, and the first times that it is asked.
type keyRevoked struct {
	*sandbox.Gateway
	revoked atomic.Bool
	times   int64
	asked   atomic.Int64
}

func (g *keyRevoked) access() error {
	if g.asked.Add(1) <= g.times || g.revoked.Load() {
		return payments.NoAnswer(payments.ErrCredentials)
	}
	return nil
}

func (g *keyRevoked) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	if err := g.access(); err != nil {
		return payments.AuthorizeResult{}, err
	}
	return g.Gateway.Authorize(ctx, r)
}

func (g *keyRevoked) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	if err := g.access(); err != nil {
		return payments.CaptureResult{}, err
	}
	return g.Gateway.Capture(ctx, r)
}

func (g *keyRevoked) Void(ctx context.Context, r payments.VoidRequest) error {
	if err := g.access(); err != nil {
		return err
	}
	return g.Gateway.Void(ctx, r)
}

func (g *keyRevoked) Find(ctx context.Context, r payments.FindRequest) (payments.LedgerEntry, error) {
	if err := g.access(); err != nil {
		return payments.LedgerEntry{}, err
	}
	return g.Gateway.Find(ctx, r)
}

// revokedAtFirst is a key that is given back once the step goes on as a durable activity.
func revokedAtFirst(g *sandbox.Gateway) payments.Gateway { return &keyRevoked{Gateway: g, times: 5} }

// A key is revoked, and given back hours later. It fails when the saga does not learn of it (step.go, outwaitStep).
func TestAnOrderShowsThatTheGatewayRefusesOurCredentialsUntilItAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		revoke, mend time.Duration
		world        func(*platform)
		ends         string
		marks        []string
	}{
		"while it is being paid": {
			-1, 10 * time.Minute, func(p *platform) { p.deliver(5*hour, "berlin") }, "delivered",
			[]string{"attention: gateway_credentials", "attention: ", "delivered"},
		},
		"while a shipment leaves": {
			30 * time.Minute, 3 * hour, func(p *platform) { p.deliverLate(hour, 6*hour) },
			"delivered",
			[]string{"attention: gateway_credentials", "attention: ", "delivered"},
		},
		"while it is cancelled": {
			30 * time.Minute, 3 * hour, func(p *platform) { p.at(hour, workflows.CancelOrder, changedMind) },
			"cancelled",
			[]string{"attention: gateway_credentials", "money_held", "attention: ", "cancelled"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := &keyRevoked{}
			p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
				gateway.Gateway = g
				return gateway
			})
			gateway.revoked.Store(c.revoke < 0)
			if c.revoke > 0 {
				p.env.RegisterDelayedCallback(func() { gateway.revoked.Store(true) }, c.revoke)
			}
			p.env.RegisterDelayedCallback(func() { gateway.revoked.Store(false) }, c.mend)
			var during, after string
			p.env.RegisterDelayedCallback(func() { during = p.waitingFor(t) }, c.mend-time.Minute)
			p.env.RegisterDelayedCallback(func() { after = p.waitingFor(t) }, c.mend+2*time.Minute)
			marks := p.marks()
			c.world(p)
			told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
			require.Equal(t, c.ends, string(told.Status))
			require.ElementsMatch(t, c.marks, *marks)
			require.Contains(t, during, "refuses our credentials")
			require.NotContains(t, after, "refuses our credentials")
			require.Empty(t, told.WaitingFor)
			require.Equal(t, 1, p.payment(t).Access.Refusals, "one event, however often it was asked")
			require.False(t, p.payment(t).Access.Refused())
			p.audit(t, scenario{}, told)
		})
	}
}

// It fails when a saga does not look whether credentials were mended that an earlier one waited for (credentials.go,
// lookIfAccepted).
func TestCredentialsAreMendedBeforeAnotherSagaTakesOver(t *testing.T) {
	t.Parallel()
	gateway := &keyRevoked{}
	p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
		gateway.Gateway = g
		return gateway
	})
	gateway.revoked.Store(true)
	next, carried := p.continueAfter(t, scenario{}, p.input("tok_approve", item("A", 2, "10.00")), 5*time.Minute)
	require.Equal(t, []string{"gateway_credentials"}, carried.Carried.Attention)
	gateway.revoked.Store(false)
	marks := next.marks()
	next.dispatchAt(3*hour, "berlin")
	next.deliver(4*hour, "berlin")
	told := next.play(t, carried)
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, []string{"attention: ", "delivered"}, *marks)
	next.audit(t, scenario{}, told)
}

// deliverLate reports that the only shipment has left, and later that it has arrived.
func (p *platform) deliverLate(leaves, arrives time.Duration) {
	p.dispatchAt(leaves, "berlin")
	p.reportAt(arrives, workflows.ShipmentDelivered, "berlin")
}

// waitingFor asks the saga what it waits for; "" once it has ended.
func (p *platform) waitingFor(t *testing.T) string {
	if p.env.IsWorkflowCompleted() {
		return ""
	}
	answer, err := p.env.QueryWorkflow(workflows.QueryState)
	require.NoError(t, err)
	var state workflows.OrderState
	require.NoError(t, answer.Get(&state))
	return strings.TrimSpace(state.WaitingFor)
}
