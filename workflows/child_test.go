package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// keep runs the order's saga below a root, up to its end and however many runs it takes. In such a world it can
// continue as new while what it has started lives on.
func (p *platform) keep(t *testing.T, in workflows.OrderInput) workflows.OrderState {
	p.below()
	p.env.ExecuteWorkflow(root, in)
	require.True(t, p.env.IsWorkflowCompleted())
	require.NoError(t, p.env.GetWorkflowError())
	var told workflows.OrderState
	require.NoError(t, p.env.GetWorkflowResult(&told))
	return told
}

// below lets the order's saga run below a root. It is called before the world is set in motion.
func (p *platform) below() {
	if p.started != nil {
		return
	}
	p.started = map[string][]string{}
	p.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "root", TaskQueue: workflows.TaskQueue})
	p.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		id := info.WorkflowExecution.ID
		p.started[id] = append(p.started[id], info.WorkflowExecution.RunID)
	})
}

// root runs the order's saga as a child.
func root(ctx workflow.Context, in workflows.OrderInput) (told workflows.OrderState, err error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: workflows.OrderSagaID(in.OrderID), WaitForCancellation: true})
	err = workflow.ExecuteChildWorkflow(ctx, workflows.OrderSaga, in).Get(ctx, &told)
	return told, err
}

// continueAt lets the order's saga continue as new at a time after the start.
func (p *platform) continueAt(after time.Duration) { p.continueWith(after, "wake up", nil) }

// continueWith lets the order's saga continue as new by as many signals as a run takes, the last of which is this one.
// They come one by one, because the environment loses one that comes between two runs.
func (p *platform) continueWith(after time.Duration, signal string, input any) {
	runs := 0
	for i := range requestsMax {
		p.env.RegisterDelayedCallback(func() {
			now := len(p.started[workflows.OrderSagaID(p.orderID)])
			if i == 0 {
				runs = now
			}
			switch {
			case now > runs:
			case i == requestsMax-1:
				p.signal(signal, input)
			default:
				p.signal("wake up", nil)
			}
		}, after+time.Duration(i)*time.Millisecond)
	}
}

// children are the run ids of what has waited for the order.
func (p *platform) children() [2][]string {
	return [2][]string{p.started[workflows.InventorySagaID(p.orderID)], p.started[workflows.PaymentSagaID(p.orderID)]}
}

func counts(runs [2][]string) [2]int { return [2]int{len(runs[0]), len(runs[1])} }

// TestChildrenSurviveTheRunThatHasStartedThem has every path continue as new at several moments, twice, while its
// children live on. It fails when a run starts another child beside the one that is there (child.go, runChild).
func TestChildrenSurviveTheRunThatHasStartedThem(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		for _, after := range []time.Duration{time.Minute, 90 * time.Minute, 150 * time.Minute, 210 * time.Minute} {
			t.Run(s.name+"/"+after.String(), func(t *testing.T) {
				t.Parallel()
				undisturbed := s.setup(t)
				undisturbed.below()
				undisturbed.keep(t, s.begin(t, undisturbed))
				p := s.setup(t)
				p.below()
				in := s.begin(t, p)
				p.continueAt(after)
				p.continueAt(after + 5*time.Second)
				told := p.keep(t, in)
				p.audit(t, s, told)
				require.Equal(t, s.want, end(told))
				require.Equal(t, counts(undisturbed.children()), counts(p.children()), "another child was started")
			})
		}
	}
}

// waits are orders that a child waits for.
var waits = map[string]struct {
	scenario scenario
	child    func(*platform) string
}{
	"goods": {
		scenario: scenario{
			stock: map[string]int{"A@berlin": 1}, token: "tok_approve", items: []order.Item{item("A", 3, "10.00")},
			input: func(in *workflows.OrderInput) { in.AllowBackorder = true },
		},
		child: func(p *platform) string { return workflows.InventorySagaID(p.orderID) },
	},
	"bank": {
		scenario: scenario{stock: map[string]int{"A@berlin": 5}, token: "tok_require_action", items: []order.Item{item("A", 1, "10.00")}},
		child:    func(p *platform) string { return workflows.PaymentSagaID(p.orderID) },
	},
}

// A child that an earlier run has started is cancelled with its order, and has undone what it did by then. It fails
// when a cancelled order leaves it there (child.go, awaitSurvivor and endLeftBehind).
func TestACancelledOrderEndsTheChildOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	cancel := workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"}
	for name, c := range map[string]struct {
		world  func(*testing.T, *platform)
		reason string
	}{
		"by the customer": {func(_ *testing.T, p *platform) {
			p.continueAt(time.Minute)
			p.at(5*time.Minute, workflows.CancelOrder, cancel)
		}, "changed_my_mind"},
		"by the customer, whose request travels along": {func(_ *testing.T, p *platform) {
			p.continueWith(time.Minute, workflows.CancelOrder, cancel)
		}, "changed_my_mind"},
		"by an operator of Temporal": {func(_ *testing.T, p *platform) {
			p.continueAt(time.Minute)
			p.env.RegisterDelayedCallback(func() { p.env.CancelWorkflowByID(workflows.OrderSagaID(p.orderID), "") }, 5*time.Minute)
		}, "operator_request"},
		"through its child": {func(_ *testing.T, p *platform) {
			p.continueAt(time.Minute)
			p.env.RegisterDelayedCallback(func() {
				for _, w := range waits {
					if len(p.started[w.child(p)]) > 0 {
						p.env.CancelWorkflowByID(w.child(p), "")
					}
				}
			}, 5*time.Minute)
		}, "operator_request"},
	} {
		for what, w := range waits {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				p := w.scenario.setup(t)
				p.below()
				ended := map[string]error{}
				p.env.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, _ converter.EncodedValue, err error) {
					ended[info.WorkflowExecution.ID] = err
				})
				begun := p.env.Now()
				in := w.scenario.begin(t, p)
				c.world(t, p)
				told := p.keep(t, in)
				p.audit(t, w.scenario, told)
				require.Equal(t, "cancelled "+c.reason, end(told))
				require.Less(t, p.env.Now().Sub(begun), 10*time.Minute, "nobody waits for a deadline")
				require.Len(t, p.started[workflows.OrderSagaID(p.orderID)], 2, "it has continued as new")
				require.Len(t, p.started[w.child(p)], 1)
				require.Error(t, ended[w.child(p)], "the child was cancelled")
			})
		}
	}
}

// Who looks for orders without a saga must not take what waits for an order for its saga (package orphans).
func TestWhatWaitsForAnOrderIsNoSagaOfIt(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	found, is := workflows.OrderOfSaga(workflows.OrderSagaID(id))
	require.True(t, is)
	require.Equal(t, id, found)
	for _, child := range []string{workflows.PaymentSagaID(id), workflows.InventorySagaID(id)} {
		_, is := workflows.OrderOfSaga(child)
		require.False(t, is, child)
	}
}

// Each deadline is that of the child, however many runs the order's saga has taken.
func TestADeadlineHoldsForAChildThatSurvives(t *testing.T) {
	t.Parallel()
	for what, w := range map[string]struct {
		deadline time.Duration
		reason   string
	}{"goods": {deadlines.Stock, order.ReasonStockDeadline}, "bank": {deadlines.Payment, order.ReasonPaymentDeadline}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := waits[what].scenario
			p := s.setup(t)
			p.below()
			begun := p.env.Now()
			in := s.begin(t, p)
			for _, after := range []time.Duration{time.Minute, 10 * time.Minute, 20 * time.Minute} {
				p.continueAt(after)
			}
			told := p.keep(t, in)
			p.audit(t, s, told)
			require.Equal(t, "cancelled "+w.reason, end(told))
			require.WithinDuration(t, begun.Add(w.deadline), p.env.Now(), time.Minute)
			require.Len(t, p.started[waits[what].child(p)], 1)
		})
	}
}

// What is told of a child's end is believed from the events alone. It fails when the signal itself moves the order on.
func TestAForgedEndOfAChildDoesNoHarm(t *testing.T) {
	t.Parallel()
	for what, w := range waits {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := w.scenario.setup(t)
			p.below()
			in := w.scenario.begin(t, p)
			p.continueAt(time.Minute)
			for i, outcome := range []workflows.ChildOutcome{workflows.ChildDone, workflows.ChildFailed, workflows.ChildCancelled, "17"} {
				end := workflows.ChildEnd{ChildID: w.child(p), RunID: "an older one", Outcome: outcome}
				p.at(2*time.Minute+time.Duration(i)*10*time.Second, workflows.ChildEnded, end)
				p.at(2*time.Minute+time.Duration(i)*10*time.Second, workflows.ChildEnded, end)
			}
			var before order.Status
			var refused string
			p.env.RegisterDelayedCallback(func() { before = p.order(t).Status }, 3*time.Minute)
			p.at(4*time.Minute, workflows.ChildEnded, workflows.ChildEnd{ChildID: "somebody else's"})
			p.at(4*time.Minute, workflows.ChildEnded, raw("json/plain", []byte(`17`)))
			p.env.RegisterDelayedCallback(func() { refused = p.details(t) }, 5*time.Minute)
			p.bankAt(t, 10*time.Minute, true)
			p.receiveAt(t, 10*time.Minute, "A@berlin", 4)
			p.deliver(hour, "berlin")
			told := p.keep(t, in)
			require.Equal(t, order.StatusDelivered, told.Status)
			p.audit(t, w.scenario, told)
			require.Len(t, p.started[w.child(p)], 1)
			require.Equal(t, order.StatusCreated, before)
			require.Contains(t, refused, "**Last refusal:** invalid")
		})
	}
}

// A child may lose its order for good, and end by itself after the order has gone on. It fails when it undoes what the
// order rests on (activities/void_payment.go, release_stock.go).
func TestAChildWithoutItsOrderUndoesNothingThatTheOrderRestsOn(t *testing.T) {
	t.Parallel()
	items := []order.Item{item("A", 2, "10.00")}
	for what, run := range map[string]func(*platform){
		"payment": func(p *platform) {
			p.env.ExecuteWorkflow(workflows.PaymentSaga, workflows.PaymentInput{
				OrderID: p.orderID, Amount: order.Total(items, nil), Token: "tok_approve", Deadline: hour,
			})
		},
		"goods": func(p *platform) {
			p.env.ExecuteWorkflow(workflows.InventorySaga, workflows.InventoryInput{
				OrderID: p.orderID, Lines: order.Lines(items), ShipToCountry: "DE", Backorder: true, Deadline: hour,
			})
		},
	} {
		for _, state := range []order.Status{order.StatusConfirmed, order.StatusShipped} {
			for _, cancelled := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/cancelled %t", what, state, cancelled), func(t *testing.T) {
					t.Parallel()
					p := setup(t, map[string]int{"A@berlin": 5}, noReview)
					if state == order.StatusShipped {
						p.dispatchAt(time.Minute, "berlin")
					}
					stray, _ := p.continueAfter(t, scenario{}, p.input("tok_approve", items...), hour)
					require.Equal(t, state, stray.order(t).Status)
					expected := [3]any{stray.order(t), stray.payment(t), stray.stock(t, "A@berlin")}
					if cancelled {
						stray.env.RegisterDelayedCallback(stray.env.CancelWorkflow, 0)
					}
					run(stray)
					require.True(t, stray.env.IsWorkflowCompleted())
					require.Equal(t, cancelled, temporal.IsCanceledError(stray.env.GetWorkflowError()), "%v", stray.env.GetWorkflowError())
					require.Equal(t, expected, [3]any{stray.order(t), stray.payment(t), stray.stock(t, "A@berlin")})
				})
			}
		}
	}
}
