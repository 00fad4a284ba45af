package workflows_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
)

// returnStep is one execution of a return's life, some time after the delivery.
type returnStep struct {
	after time.Duration
	id    string
	saga  any
	in    any
}

// returnPath is the life of a return of an order of three pieces at 10.00, which was delivered.
type returnPath struct {
	name  string
	steps func(*platform) []returnStep
	want  string
	// refunded is what went back in the end, and onHand what lies in Berlin, where five pieces were at first.
	refunded string
	onHand   int
}

// ask is a step that somebody asks for.
func (p *platform) askReturn(after time.Duration, action order.ReturnAction, lines ...order.ReturnLine) returnStep {
	in := workflows.ReturnInput{
		OrderID: p.orderID, ReturnID: returnID, Action: action, Lines: lines, Reason: "too_small", By: order.ByCustomer,
		DecideWithin: 72 * hour, ExpiresAfter: 30 * 24 * hour,
	}
	return returnStep{after, in.WorkflowID(), workflows.ReturnSaga, in}
}

func (p *platform) requestReturn() returnStep {
	return p.askReturn(hour, workflows.ReturnRequest, order.ReturnLine{SKU: "A", Quantity: 3, Reason: "does_not_fit"})
}

func (p *platform) receiveReturn(after time.Duration) returnStep {
	return p.askReturn(after, workflows.ReturnReceive, order.ReturnLine{SKU: "A", Quantity: 1, Restock: true}, order.ReturnLine{SKU: "A", Quantity: 1})
}

// dueReturn is what the look for returns that are due starts.
func (p *platform) dueReturn(after time.Duration) returnStep {
	return returnStep{after, "returns-due-" + p.orderID.String(), workflows.ReturnDeadlineSaga, workflows.ReturnDeadline{OrderID: p.orderID}}
}

var returnPaths = []returnPath{
	{"return at once", func(p *platform) []returnStep {
		return []returnStep{p.askReturn(hour, workflows.ReturnAtOnce, order.ReturnLine{SKU: "A", Quantity: 3, Restock: true})}
	}, "refunded", "30.00", 5},
	{"return step by step", func(p *platform) []returnStep {
		return []returnStep{p.requestReturn(), p.askReturn(2*hour, order.ReturnApprove), p.receiveReturn(72 * hour)}
	}, "refunded", "20.00", 3},
	{"return refused", func(p *platform) []returnStep {
		return []returnStep{p.requestReturn(), p.askReturn(2*hour, order.ReturnRefuse)}
	}, "refused", "0.00", 2},
	{"return cancelled", func(p *platform) []returnStep {
		return []returnStep{p.requestReturn(), p.askReturn(2*hour, order.ReturnApprove), p.askReturn(3*hour, order.ReturnCancel)}
	}, "cancelled", "0.00", 2},
	{"return decided late", func(p *platform) []returnStep {
		return []returnStep{p.requestReturn(), p.dueReturn(80 * hour), p.askReturn(90*hour, order.ReturnApprove), p.receiveReturn(100 * hour)}
	}, "refunded", "20.00", 3},
	{"return expired", func(p *platform) []returnStep {
		return []returnStep{p.requestReturn(), p.askReturn(2*hour, order.ReturnApprove), p.dueReturn(31 * 24 * hour)}
	}, "expired", "0.00", 2},
	{"goods of an expired return", func(p *platform) []returnStep {
		return []returnStep{p.requestReturn(), p.askReturn(2*hour, order.ReturnApprove), p.dueReturn(31 * 24 * hour), p.receiveReturn(32 * 24 * hour)}
	}, "refunded", "20.00", 3},
}

// run runs one step, and reports whether its execution is gone.
func (s returnStep) run(t *testing.T, p *platform, f *faults) (gone bool, err error) {
	q := *p
	q.env, q.faults = newEnvironment(), f
	q.register(q.gateway, noReview)
	q.env.SetStartTime(p.env.Now().Add(s.after))
	q.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: s.id, TaskQueue: workflows.TaskQueue})
	q.env.SetTestTimeout(24 * hour)
	done := make(chan error, 1)
	go func() {
		q.env.ExecuteWorkflow(s.saga, s.in)
		done <- q.env.GetWorkflowError()
	}()
	select {
	case err := <-done:
		return false, err
	case <-f.gone:
		f.underWay.Wait()
		return true, nil
	case <-time.After(time.Minute):
		t.Error("the saga has not ended")
		return false, nil
	}
}

// play takes the return through its life with a fault at one call, or none. Where an execution is gone before it has
// recorded anything, it is asked for or found once more. Otherwise a saga that knows the order's id alone goes on.
func (r returnPath) play(t *testing.T, kind string, at int) (end string, calls []string) {
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 3, "10.00")))
	f := &faults{seen: map[string]bool{}, kind: kind, at: at, gone: make(chan struct{})}
	f.cancel = func() { p.cancelReturn() }
	cancels := strings.HasPrefix(kind, "cancelled")
	for _, step := range r.steps(p) {
		f.mu.Lock()
		first := len(f.calls)
		f.mu.Unlock()
		gone, err := step.run(t, p, f)
		if !cancels {
			require.NoError(t, err)
		}
		if !gone {
			continue
		}
		struck := f
		struck.mu.Lock()
		f = &faults{seen: map[string]bool{}, at: -1, calls: struck.calls}
		struck.mu.Unlock()
		again := step
		if kind == goneAfter || at > first {
			again = returnStep{step.after, workflows.OrderSagaID(p.orderID), workflows.OrderSaga, workflows.OrderInput{OrderID: p.orderID, Resume: true}}
		}
		_, err = again.run(t, p, f)
		require.NoError(t, err)
	}
	return r.audit(t, p, cancels), f.calls
}

// cancelReturn plays the customer who keeps the goods after all. It may be too late for that, or too early.
func (p *platform) cancelReturn() {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	env := suite.NewTestActivityEnvironment()
	a := activities.New(activities.Options{Events: p.events, Gateway: p.gateway, Vault: plainvault.Vault{}})
	env.RegisterActivity(a)
	_, _ = env.ExecuteActivity(a.DecideReturn, activities.DecideReturn{
		OrderID: p.orderID, ReturnID: returnID, Action: order.ReturnCancel, By: order.ByCustomer, Reason: "kept", At: p.env.Now().Add(hour),
	})
}

func (r returnPath) audit(t *testing.T, p *platform, cancelled bool) (end string) {
	o, pay := p.order(t), p.payment(t)
	balance, err := p.gateway.Balance(payment.ID(p.orderID))
	require.NoError(t, err)
	require.Equal(t, pay.Refunded.Text(), balance.Refunded.Text(), "the books and the gateway")
	require.Empty(t, pay.OpenRefunds())
	p.auditEvents(t)
	all := account.Returns(o, pay)
	require.Len(t, all, 1)
	end = string(all[0].Status)
	if end == string(order.ReturnStatusCancelled) && cancelled {
		require.Equal(t, "0.00", pay.Refunded.Text())
		require.Equal(t, 2, p.stock(t, "A@berlin").OnHand)
		return end
	}
	require.Equal(t, r.refunded, pay.Refunded.Text())
	require.Equal(t, r.onHand, p.stock(t, "A@berlin").OnHand, "goods come back once")
	return end
}

// playReturns runs every path of a return with every kind of fault at every step, and adds what comes of it to the
// table.
//
// It fails when a step of a return is not known by what it says (domain/order/return_decide.go). It fails too when what
// is owed is not recorded with the goods (activities/return_goods.go), or is not resumed (order_resume.go).
func playReturns(t *testing.T, kinds []string, mu *sync.Mutex, table map[string][][]string) {
	for _, r := range returnPaths {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			end, calls := r.play(t, "", -1)
			require.Equal(t, r.want, end)
			rows := [][]string{{"nothing fails", end}}
			for at, name := range calls {
				row := []string{fmt.Sprintf("%d %s", at+1, name)}
				for _, kind := range kinds {
					t.Run(fmt.Sprintf("%d_%s_%s", at+1, name, kind), func(t *testing.T) {
						end, _ := r.play(t, kind, at)
						if !strings.HasPrefix(kind, "cancelled") {
							require.Equal(t, r.want, end, "a failure that passes changed the end")
						}
						row = append(row, end)
					})
				}
				rows = append(rows, row)
			}
			mu.Lock()
			defer mu.Unlock()
			table[r.name] = rows
		})
	}
}
