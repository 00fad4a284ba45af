package workflows_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// A review needs no goods. It fails when an order can be reviewed only once its goods are there (order_requests.go).
func TestAnOrderThatWaitsForGoodsIsReviewed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		update string
		marks  []string
	}{
		"approved": {workflows.ApproveOrder, []string{workflows.MarkHeld, workflows.MarkBackordered, "cancelled"}},
		"rejected": {workflows.RejectOrder, []string{workflows.MarkHeld, "cancelled"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, map[string]int{"A@berlin": 1}, activities.ReviewRules{Customers: []string{"cus_1"}})
			marks := p.marks()
			var before string
			p.env.RegisterDelayedCallback(func() { before = p.details(t) }, hour/2)
			reviewed := p.ask(hour, c.update, workflows.ReviewRequest{By: "ann"})
			in := p.input("tok_approve", item("A", 2, "10.00"))
			in.AllowBackorder = true
			told := p.play(t, in)
			require.NoError(t, reviewed.err)
			require.Equal(t, c.marks, *marks, "a review comes before the goods")
			require.Contains(t, before, "Waiting for a review, because of the rule on customer. Waiting for goods that are not there.")
			o := p.order(t)
			require.Equal(t, order.StatusCancelled, told.Status)
			if c.update == workflows.ApproveOrder {
				require.Equal(t, "ann", o.ApprovedBy)
				require.Equal(t, order.ReasonStockDeadline, told.Reason)
				require.Equal(t, "Waiting for goods that are not there.", reviewed.state.WaitingFor)
				return
			}
			require.Equal(t, "ann", o.RejectedBy)
			require.Equal(t, order.ReasonReviewRejected, told.Reason)
			require.Equal(t, "ann", told.RejectedBy)
		})
	}
}

// It fails when the answer to a review still asks for it (order_requests.go, approveOrder).
func TestAnOrderThatIsApprovedWaitsForNoReview(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 1}, activities.ReviewRules{Customers: []string{"cus_1"}})
	approved := p.ask(hour, workflows.ApproveOrder, workflows.ReviewRequest{By: "ann"})
	p.deliver(2*hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.NoError(t, approved.err)
	require.Equal(t, "Securing the payment.", approved.state.WaitingFor)
}

// It fails when a shipment without a carrier is not named at all (order_visibility.go, setWaitingForShipments).
func TestAShipmentWithoutACarrierIsNamedByItsLocation(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 1}, noReview)
	p.reportAt(hour, workflows.ShipmentDispatched, "berlin")
	p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
	var details string
	p.env.RegisterDelayedCallback(func() { details = p.details(t) }, 90*time.Minute)
	p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Contains(t, details, "Waiting for the delivery of 1 of 1 shipments: from berlin.")
}

// It fails when a cancellation is accepted that can't take effect (order_requests.go, validateCancelOrder).
func TestAnotherCancellationIsRefusedWhileOneIsCarriedOut(t *testing.T) {
	t.Parallel()
	gateway := &captureDown{}
	gateway.down.Store(true)
	p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
		gateway.Gateway = g
		return gateway
	})
	p.dispatchAt(hour, "berlin")
	first := p.ask(hour+10*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	again := p.ask(hour+10*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	other := p.ask(hour+10*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "fraud", By: "operator"})
	p.env.RegisterDelayedCallback(func() { gateway.down.Store(false) }, 2*hour)
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.NoError(t, first.err)
	require.NoError(t, again.err)
	require.Equal(t, string(order.CodeAlreadyCancelled), code(other.err))
	require.Equal(t, "changed_my_mind", told.Reason)
	require.Equal(t, "customer", told.CancelledBy)
}
