package workflows_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// continueAfter runs the saga until the server suggests to continue as new, and returns the world of the next run, with
// its input.
func (p *platform) continueAfter(t *testing.T, s scenario, in workflows.OrderInput, after time.Duration) (*platform, workflows.OrderInput) {
	begun := p.env.Now()
	p.env.RegisterDelayedCallback(func() {
		p.env.SetContinueAsNewSuggested(true)
		p.env.SignalWorkflow("wake up", nil) // the server's suggestion comes with a workflow task
	}, after)
	p.env.SetDetachedChildWait(false) // its children are not in the world of the next run
	p.env.ExecuteWorkflow(workflows.OrderSaga, in)
	require.True(t, p.env.IsWorkflowCompleted())
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, p.env.GetWorkflowError(), &next)
	var carried workflows.OrderInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &carried))
	world := *p
	world.env, world.faults = newEnvironment(), &faults{seen: map[string]bool{}, at: -1}
	world.elapsed = p.env.Now().Sub(begun)
	world.register(world.asked, s.review)
	world.env.SetStartTime(begun.Add(world.elapsed))
	world.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.OrderSagaID(p.orderID), TaskQueue: workflows.TaskQueue})
	if s.world != nil {
		s.world(t, &world)
	}
	return &world, carried
}

// TestAnExecutionContinuesAsNewInEveryWaitingState has every path continue as new at several moments. It fails when a
// run leaves anything to the next one but the events and what it carries (order_continue.go).
func TestAnExecutionContinuesAsNewInEveryWaitingState(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		for _, after := range []time.Duration{time.Minute, 90 * time.Minute, 150 * time.Minute, 210 * time.Minute} {
			t.Run(s.name+"/"+after.String(), func(t *testing.T) {
				t.Parallel()
				p := s.setup(t)
				in := s.begin(t, p)
				over := s.setup(t)
				over.env.ExecuteWorkflow(workflows.OrderSaga, s.begin(t, over))
				if over.env.Now().Sub(p.env.Now()) <= after {
					return // the order has ended by then
				}
				next, carried := p.continueAfter(t, s, in, after)
				require.True(t, carried.Resume)
				require.Empty(t, carried.Items, "the events have them")
				told := next.play(t, carried)
				next.audit(t, s, told)
				require.Equal(t, s.want, end(told))
			})
		}
	}
}

func end(told workflows.OrderState) string {
	if told.Reason == "" {
		return string(told.Status)
	}
	return string(told.Status) + " " + told.Reason
}

// Signals that came ahead of their shipment, and the last refusal, are the next run's.
func TestRequestsTravelAlong(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, activities.ReviewRules{Customers: []string{"cus_1"}})
	held := scenario{review: activities.ReviewRules{Customers: []string{"cus_1"}}}
	p.at(time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "x", By: "a passer-by"})
	p.at(2*time.Minute, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
	next, carried := p.continueAfter(t, held, p.input("tok_approve", item("A", 1, "10.00")), hour)
	require.Len(t, carried.Carried.Requests, 1)
	require.Contains(t, carried.Carried.LastRefusal, "must be customer or operator")
	require.Equal(t, workflows.MarkHeld, carried.Carried.Mark)
	next.at(2*hour, workflows.ApproveOrder, workflows.ReviewRequest{By: "alice"})
	next.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
	require.Equal(t, order.StatusDelivered, next.play(t, carried).Status)
}

// It fails when each run has the whole deadline before it (order_saga.go, securePayment).
func TestThePaymentDeadlineCountsFromWhenThePaymentWasAskedFor(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	begun := p.env.Now()
	next, carried := p.continueAfter(t, scenario{}, p.input("tok_require_action", item("A", 1, "10.00")), 20*time.Minute)
	told := next.play(t, carried)
	require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
	require.WithinDuration(t, begun.Add(30*time.Minute), next.env.Now(), time.Minute)
}

// A cancel must not wait behind dispatches that outwait an outage.
func TestRequestsThatOutwaitAnOutageAreAnsweredAndHoldUpNoCancellation(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.faults.kind, p.faults.at = outage, 2 // the dispatch, after PlaceOrder and AuthorizePayment
	p.faults.struck = "DispatchShipment"
	var dispatches []*answer
	for range 10 {
		dispatches = append(dispatches, p.ask(hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"}))
	}
	answered := 0
	p.env.RegisterDelayedCallback(func() {
		for _, d := range dispatches {
			if d.done && d.err == nil && d.state.UnderWay {
				answered++
			}
		}
	}, hour+500*time.Millisecond)
	cancelled := p.ask(hour+600*time.Millisecond, workflows.CancelOrder, workflows.CancelRequest{Reason: "too_late", By: "customer"})
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Equal(t, 10, answered)
	require.NoError(t, cancelled.err)
	require.Equal(t, order.StatusCancelled, told.Status)
	p.audit(t, scenario{}, told)
}

// The next run's execution is not cancelled, so the cancellation of this one has to be a request by then. It comes
// during the first step, together with the suggestion to continue as new.
func TestACancellationOfTheExecutionTravelsAlong(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.faults.kind, p.faults.at = cancelsBefore, 0
	p.faults.cancel = func() {
		p.env.RegisterDelayedCallback(func() { p.env.SetContinueAsNewSuggested(true) }, 0)
		p.env.CancelWorkflow()
	}
	next, carried := p.continueAfter(t, scenario{}, p.input("tok_approve", item("A", 1, "10.00")), hour)
	told := next.play(t, carried)
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, "operator_request", told.Reason)
	next.audit(t, scenario{}, told)
}
