package workflows_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// releasesDown is a gateway that answers no refund and no void while it is down.
type releasesDown struct {
	*sandbox.Gateway
	down atomic.Bool
}

func (g *releasesDown) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundResult, error) {
	if g.down.Load() {
		return payments.RefundResult{}, errDown
	}
	return g.Gateway.Refund(ctx, r)
}

func (g *releasesDown) Void(ctx context.Context, r payments.VoidRequest) error {
	if g.down.Load() {
		return errDown
	}
	return g.Gateway.Void(ctx, r)
}

// A shipment is lost, and pieces are cancelled, while the gateway gives nothing back. The order's other shipments leave
// and arrive all the same, and what is owed is paid once the gateway is back. It fails when a refund or a void is
// carried out in the lane of the shipments (order_beside.go).
func TestAnOrderGoesOnWhileARefundOutwaitsAnOutage(t *testing.T) {
	t.Parallel()
	gateway := &releasesDown{}
	gateway.down.Store(true)
	p := setupWith(t, map[string]int{"A@berlin": 5, "B@reno": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
		gateway.Gateway = g
		return gateway
	})
	p.dispatchAt(hour, "berlin")
	lost := p.ask(2*hour, workflows.ShipmentLost, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
	lines := p.ask(3*hour, workflows.CancelLines, cancelOne("B"))
	dispatched := p.ask(4*hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("reno"), Carrier: "DHL"})
	delivered := p.ask(5*hour, workflows.ShipmentDelivered, workflows.ShipmentReport{ShipmentID: p.shipment("reno")})
	p.env.RegisterDelayedCallback(func() {
		require.Equal(t, order.StatusDelivered, p.order(t).Status, "it waits for no refund")
		require.Len(t, p.payment(t).OpenRefunds(), 1)
		require.True(t, p.payment(t).HoldsMoney())
		gateway.down.Store(false)
	}, 6*hour)
	told := p.play(t, twoShipments(p))
	for _, told := range []*answer{lost, lines, dispatched, delivered} {
		require.NoError(t, told.err)
		require.False(t, told.state.UnderWay, "nobody is kept waiting")
	}
	require.Equal(t, order.StatusDelivered, told.Status)
	pay := p.payment(t)
	require.Equal(t, payment.RefundStatusPaid, pay.Refunds[0].Status())
	require.False(t, pay.HoldsMoney(), "the execution ends once all is settled")
	p.audit(t, scenario{}, told)
}
