package workflows_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// twoShipments is an order of three pieces: one leaves berlin, two leave reno.
func twoShipments(p *platform) workflows.OrderInput {
	return p.input("tok_approve", item("A", 1, "10.00"), item("B", 2, "7.50"))
}

var twoLocations = map[string]int{"A@berlin": 5, "B@reno": 5}

func cancelOne(sku string) workflows.CancelLinesRequest {
	return workflows.CancelLinesRequest{RequestID: uuid.New(), Lines: []inventory.Line{{SKU: sku, Quantity: 1}}, Reason: "one_too_many", By: "customer"}
}

// It fails when updates run in the context of the execution, which its cancellation ends (order_requests.go).
func TestRequestsTakeEffectAfterTheExecutionOfAShippedOrderWasCancelled(t *testing.T) {
	t.Parallel()
	p := setup(t, twoLocations, noReview)
	p.dispatchAt(hour, "berlin")
	p.env.RegisterDelayedCallback(p.env.CancelWorkflow, 2*hour)
	lines := p.ask(3*hour, workflows.CancelLines, cancelOne("B"))
	dispatched := p.ask(4*hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("reno"), Carrier: "DHL"})
	p.reportAt(5*hour, workflows.ShipmentDelivered, "berlin")
	p.reportAt(6*hour, workflows.ShipmentDelivered, "reno")
	told := p.play(t, twoShipments(p))
	require.NoError(t, lines.err)
	require.NoError(t, dispatched.err)
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// It fails when a step's effect rests on what the saga remembers, and its memory is replaced meanwhile by another
// request (order_shipments.go, endShipment).
func TestAShipmentThatHasArrivedIsNeitherRefundedNorRestocked(t *testing.T) {
	t.Parallel()
	for _, report := range []string{workflows.ShipmentLost, workflows.ShipmentRefused} {
		t.Run(report, func(t *testing.T) {
			t.Parallel()
			p := setup(t, twoLocations, noReview)
			p.dispatchAt(hour, "berlin")
			arrived := p.ask(2*hour, workflows.ShipmentDelivered, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
			lines := p.ask(2*hour, workflows.CancelLines, cancelOne("B"))
			late := p.ask(3*hour, report, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
			p.dispatchAt(4*hour, "reno")
			p.reportAt(5*hour, workflows.ShipmentDelivered, "reno")
			told := p.play(t, twoShipments(p))
			require.NoError(t, arrived.err)
			require.NoError(t, lines.err)
			require.Equal(t, string(workflows.CodeAlreadyReported), code(late.err))
			require.Equal(t, order.StatusDelivered, told.Status)
			require.True(t, p.payment(t).Refunded.IsZero())
			p.audit(t, scenario{}, told)
		})
	}
}

// captureDown is a gateway that answers no capture while it is down. TakesEffect: it captures all the same.
type captureDown struct {
	*sandbox.Gateway
	down        atomic.Bool
	takesEffect bool
}

func (g *captureDown) Capture(ctx context.Context, r payments.CaptureRequest) (string, error) {
	if !g.down.Load() {
		return g.Gateway.Capture(ctx, r)
	}
	if g.takesEffect {
		if _, err := g.Gateway.Capture(ctx, r); err != nil {
			return "", err
		}
	}
	return "", errDown
}

// A customer was told that the order is being cancelled while a dispatch waited for the gateway. It fails when the
// dispatch is not ended by the request (order_shipments.go, payAndDispatch).
func TestARequestToCancelEndsADispatchThatWaits(t *testing.T) {
	t.Parallel()
	for name, takesEffect := range map[string]bool{"nothing was captured": false, "money was captured without an answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := &captureDown{takesEffect: takesEffect}
			gateway.down.Store(true)
			p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
				gateway.Gateway = g
				return gateway
			})
			dispatched := p.ask(hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
			cancelled := p.ask(hour+10*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
			p.env.RegisterDelayedCallback(func() { gateway.down.Store(false) }, 2*hour)
			told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
			require.NoError(t, cancelled.err)
			require.Equal(t, string(order.CodeNotDispatchable), code(dispatched.err))
			require.Equal(t, order.StatusCancelled, told.Status)
			require.Equal(t, "changed_my_mind", told.Reason)
			o := p.order(t)
			require.Equal(t, order.ShipmentStatusPlanned, o.Shipments[0].Status, "it has not left")
			balance, err := p.gateway.Balance(p.payment(t).ID)
			require.NoError(t, err)
			require.True(t, balance.Captured.Sub(balance.Refunded).IsZero(), "the customer pays nothing: %+v", balance)
			require.True(t, balance.Held.IsZero())
			require.Zero(t, p.stock(t, "A@berlin").Reserved)
		})
	}
}
