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
			reviewed := p.ask(hour, c.update, workflows.ReviewRequest{By: "ann"})
			in := p.input("tok_approve", item("A", 2, "10.00"))
			in.AllowBackorder = true
			told := p.play(t, in)
			require.NoError(t, reviewed.err)
			require.Equal(t, c.marks, *marks, "a review comes before the goods")
			o := p.order(t)
			require.Equal(t, order.StatusCancelled, told.Status)
			if c.update == workflows.ApproveOrder {
				require.Equal(t, "ann", o.ApprovedBy)
				require.Equal(t, order.ReasonStockDeadline, told.Reason)
				return
			}
			require.Equal(t, "ann", o.RejectedBy)
			require.Equal(t, order.ReasonReviewRejected, told.Reason)
			require.Equal(t, "ann", told.RejectedBy)
		})
	}
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
