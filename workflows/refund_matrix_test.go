package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// refundPath is a path on which money goes back after an order has been delivered.
type refundPath struct {
	name string
	// before is refunded beforehand.
	before string
	saga   any
	input  func(*platform) any
	// refunded is what went back in the end.
	refunded string
}

var returnID, refundID = uuid.New(), uuid.New()

func returnInput(p *platform) any {
	return workflows.ReturnInput{OrderID: p.orderID, ReturnID: returnID, Reason: "too_small", Lines: []order.ReturnLine{{SKU: "A", Quantity: 3, Restock: true}}}
}

func refundInput(id uuid.UUID, amount string) func(*platform) any {
	return func(p *platform) any {
		return workflows.RefundInput{OrderID: p.orderID, RefundID: id, Amount: money.Must(amount, "EUR"), Reason: "late"}
	}
}

var refundPaths = []refundPath{
	{name: "all is returned", saga: workflows.ReturnSaga, input: returnInput, refunded: "30.00"},
	{name: "all is returned after a refund", before: "10.00", saga: workflows.ReturnSaga, input: returnInput, refunded: "30.00"},
	{name: "a part is refunded", saga: workflows.RefundSaga, input: refundInput(refundID, "12.00"), refunded: "12.00"},
}

// delivered is a platform with an order of 30.00 that was delivered.
func (r refundPath) delivered(t *testing.T) *platform {
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 3, "10.00")))
	if r.before != "" {
		require.NoError(t, p.after(t, &faults{seen: map[string]bool{}, at: -1}, workflows.RefundSaga, refundInput(uuid.New(), r.before)(p)))
	}
	return p
}

// after runs another saga on what the platform holds, with faults of its own.
func (p *platform) after(t *testing.T, f *faults, saga, in any) error {
	q := *p
	q.env, q.faults = newEnvironment(), f
	q.register(q.gateway, noReview)
	q.env.SetStartTime(p.env.Now())
	q.env.SetTestTimeout(24 * hour)
	done := make(chan error, 1)
	go func() {
		q.env.ExecuteWorkflow(saga, in)
		done <- q.env.GetWorkflowError()
	}()
	select {
	case err := <-done:
		return err
	case <-f.gone:
		f.underWay.Wait()
		return nil
	case <-time.After(time.Minute):
		t.Error("the saga has not ended")
		return nil
	}
}

// play runs the path with a fault at one call. Where the execution is gone, the order is resumed, and the request comes
// once more: each alone is enough once the fact is recorded.
func (r refundPath) play(t *testing.T, kind string, at int) (calls []string) {
	p := r.delivered(t)
	f := &faults{seen: map[string]bool{}, kind: kind, at: at, gone: make(chan struct{})}
	require.NoError(t, p.after(t, f, r.saga, r.input(p)))
	if kind == goneBefore || kind == goneAfter {
		f.mu.Lock()
		calls = f.calls
		f.mu.Unlock()
		none := func() *faults { return &faults{seen: map[string]bool{}, at: -1} }
		if kind == goneBefore && at == 0 {
			require.NoError(t, p.after(t, none(), r.saga, r.input(p)), "nothing is recorded: the caller asks once more")
		} else {
			require.NoError(t, p.after(t, none(), workflows.OrderSaga, workflows.OrderInput{OrderID: p.orderID, Resume: true}))
		}
	}
	r.audit(t, p)
	if f.gone == nil || kind != goneBefore && kind != goneAfter {
		calls = f.calls
	}
	return calls
}

func (r refundPath) audit(t *testing.T, p *platform) {
	pay := p.payment(t)
	balance, err := p.gateway.Balance(payment.ID(p.orderID))
	require.NoError(t, err)
	require.Equal(t, r.refunded, balance.Refunded.Text(), "at the gateway")
	require.Equal(t, r.refunded, pay.Refunded.Text(), "in the books")
	require.Empty(t, pay.OpenRefunds())
	for _, refund := range pay.Refunds {
		require.Equal(t, payment.RefundStatusPaid, refund.Status())
	}
	p.auditEvents(t)
}

// It fails when a refund is asked for before it is requested in the books (activities/refund_payment.go). It fails too
// when what is owed is not recorded with the return (activities/return_goods.go), or is not resumed (order_resume.go).
func TestWhatIsOwedIsPaidOnceAtEveryFault(t *testing.T) {
	t.Parallel()
	for _, r := range refundPaths {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			calls := r.play(t, "", -1)
			require.NotEmpty(t, calls)
			for at, name := range calls {
				for _, kind := range []string{failsBefore, failsAfter, timesOut, outage, answersLost, goneBefore, goneAfter, cutBefore, cutAfter} {
					t.Run(fmt.Sprintf("%d_%s_%s", at+1, name, kind), func(t *testing.T) {
						t.Parallel()
						r.play(t, kind, at)
					})
				}
			}
		})
	}
}
