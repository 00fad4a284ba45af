package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/precondition"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"
)

// cancelIf returns the saga's input with a request to cancel that waits for it already.
func (p *platform) cancelIf(when precondition.Precondition) workflows.OrderInput {
	p.env.SetContextPropagators([]workflow.ContextPropagator{workflows.Actors{}, workflows.Preconditions{}})
	in := p.input("tok_approve", item("A", 2, "10.00"))
	in.Carried = &workflows.Carried{Requests: []workflows.Request{{
		Name: workflows.CancelOrder, Body: json.RawMessage(`{"reason": "changed_my_mind", "by": "customer"}`), If: when,
	}}}
	return in
}

// holdCustomer has the order wait for a review, so that nothing happens to it by itself.
var holdCustomer = activities.ReviewRules{Customers: []string{"cus_1"}}

// note lets the order change by nothing that the saga does.
func (p *platform) note(t *testing.T) {
	stamp := eventstore.Stamp{Source: "test/note", At: time.Now()}
	_, _, err := eventstore.Execute(context.Background(), p.events, orders, p.orderID, stamp, func(o order.Order) ([]domain.Event, error) {
		return order.Noted(o, order.AddNote{NoteID: uuid.New(), RequestHash: "h", Text: domain.Sealed{Key: "test", Data: []byte("x")}, Author: "ann", At: stamp.At})
	})
	require.NoError(t, err)
}

// Fails where a cancellation is carried out on an order that its caller has not seen, or ends one that it does not fit.
func TestACancellationFitsTheOrderThatWasSeenOrDoesNothing(t *testing.T) {
	t.Parallel()
	// The order is placed and held, and nothing of its payment is recorded yet.
	placed := precondition.Of(precondition.State{Order: 2})
	t.Run("fits", func(t *testing.T) {
		t.Parallel()
		p := setup(t, map[string]int{"A@berlin": 5}, holdCustomer)
		told := p.play(t, p.cancelIf(placed))
		require.Equal(t, order.StatusCancelled, told.Status)
		require.Equal(t, "changed_my_mind", told.Reason)
		p.audit(t, scenario{}, told)
	})
	t.Run("does not fit", func(t *testing.T) {
		t.Parallel()
		p := setup(t, map[string]int{"A@berlin": 5}, noReview)
		p.deliver(hour, "berlin")
		told := p.play(t, p.cancelIf(precondition.Of()))
		require.Equal(t, order.StatusDelivered, told.Status, "the order goes on as if nobody had asked")
		require.NotContains(t, p.faults.calls, "CancelOrder")
		p.audit(t, scenario{}, told)
	})
	t.Run("does not fit any more when it is recorded", func(t *testing.T) {
		t.Parallel()
		p := setup(t, map[string]int{"A@berlin": 5}, holdCustomer)
		p.faults.meanwhile = func(name string) {
			if name == "CancelOrder" {
				p.note(t)
			}
		}
		p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(workflows.ApproveOrder, workflows.ReviewRequest{By: "ann"}) }, time.Minute)
		p.deliver(hour, "berlin")
		told := p.play(t, p.cancelIf(placed))
		require.Contains(t, p.faults.calls, "CancelOrder")
		require.Equal(t, order.StatusDelivered, told.Status, "what was stopped for it goes on")
		require.Len(t, p.order(t).Notes, 1)
		p.audit(t, scenario{}, told)
	})
}
