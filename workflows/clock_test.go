package workflows_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
)

// advance has the next timer of the order go off.
func (p *platform) advance(after time.Duration) *answer {
	return p.ask(after, workflows.AdvanceClock, workflows.AdvanceRequest{RequestID: uuid.New()})
}

// advanced are the timers that have gone off because somebody has asked for it.
func (p *platform) advanced(t *testing.T) (timers []order.Timer) {
	o := p.order(t)
	if o.Clock != nil {
		for _, e := range o.Clock.Advanced {
			timers = append(timers, e.Timer)
		}
	}
	return timers
}

// Whatever an unconfirmed order waits for, it is given up at once when its timer is advanced to, as it would be later.
func TestAnOrderThatWaitsIsGivenUpWhenItsTimerIsAdvancedTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token  string
		pieces int
		review activities.ReviewRules
		timer  order.Timer
		reason string
	}{
		"for a review":   {"tok_approve", 1, activities.ReviewRules{Customers: []string{"cus_1"}}, order.TimerReview, order.ReasonReviewDeadline},
		"for goods":      {"tok_approve", 9, noReview, order.TimerStock, order.ReasonStockDeadline},
		"for the bank":   {"tok_require_action", 1, noReview, order.TimerPayment, order.ReasonPaymentDeadline},
		"for more goods": {"tok_require_action", 9, noReview, order.TimerStock, order.ReasonStockDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, map[string]int{"A@berlin": 5}, c.review)
			begin := p.env.Now()
			advanced := p.advance(time.Minute)
			in := p.input(c.token, item("A", c.pieces, "10.00"))
			in.AllowBackorder = true
			told := p.play(t, in)
			require.True(t, advanced.done)
			require.NoError(t, advanced.err)
			require.Equal(t, order.StatusCancelled, told.Status)
			require.Equal(t, c.reason, told.Reason)
			require.Equal(t, []order.Timer{c.timer}, p.advanced(t))
			require.WithinDuration(t, begin.Add(time.Minute), p.env.Now(), 10*time.Second, "nothing has waited for the world's clock")
			require.Equal(t, 5, p.stock(t, "A@berlin").Available())
		})
	}
}

// The timers of a confirmed order go off one after the other, each when it is asked for. What the gateway holds is
// renewed at the order's time.
func TestTheTimersOfAConfirmedOrderGoOffOneAfterTheOther(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	begin := p.env.Now()
	var overdue, renewed *answer
	overdue, renewed = p.advance(time.Minute), p.advance(2*time.Minute)
	p.dispatchAt(3*time.Minute, "berlin")
	p.reportAt(4*time.Minute, workflows.ShipmentDelivered, "berlin")
	in := p.input("tok_approve", item("A", 1, "10.00"))
	in.KeepPaymentMethod = true
	told := p.play(t, in)
	require.NoError(t, overdue.err)
	require.NoError(t, renewed.err)
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, []order.Timer{order.TimerDispatch, order.TimerAuthorization}, p.advanced(t))
	o := p.order(t)
	require.WithinDuration(t, begin.Add(deadlines.Dispatch), o.OverdueSince, time.Minute)
	require.True(t, o.DeliveredAt.After(begin.Add(deadlines.Dispatch)), "it is delivered at the order's time")
	require.Equal(t, 2, p.payment(t).Generation, "the authorisation was renewed")
	require.WithinDuration(t, begin.Add(4*time.Minute), p.env.Now(), time.Minute)
}

// An authorisation that can't be renewed ends, the money is missing, and the order is given up at the deadline.
func TestAnAuthorizationEndsAndIsNotPaidAgain(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	begin := p.env.Now()
	for i := range 5 {
		p.advance(time.Duration(i+1) * time.Minute)
	}
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
	require.Equal(t, order.TimerPayment, p.advanced(t)[len(p.advanced(t))-1])
	require.Equal(t, order.TimerDispatch, p.advanced(t)[0])
	require.Equal(t, payment.StatusVoided, p.payment(t).Status)
	require.Less(t, p.env.Now().Sub(begin), 10*time.Minute)
}

// The same request has one timer go off, however often it comes.
func TestARequestAdvancesTheClockOnce(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	r := workflows.AdvanceRequest{RequestID: uuid.New()}
	first, again := p.ask(time.Minute, workflows.AdvanceClock, r), p.ask(2*time.Minute, workflows.AdvanceClock, r)
	p.deliver(hour, "berlin")
	p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.NoError(t, first.err)
	require.False(t, first.state.Replayed)
	require.NoError(t, again.err)
	require.True(t, again.state.Replayed)
	require.Len(t, p.advanced(t), 1)
}

// What goes on after an order has ended is in its time too.
func TestTheTimersOfReturnsAreAdvancedToWithoutASaga(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.deliver(time.Minute, "berlin")
	p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	for range 2 {
		env := newEnvironment()
		p.env = env
		p.register(p.asked, noReview)
		env.ExecuteWorkflow(workflows.AdvanceSaga, workflows.AdvanceInput{OrderID: p.orderID, AdvanceRequest: workflows.AdvanceRequest{RequestID: uuid.New()}})
		if len(p.advanced(t)) == 1 && env.GetWorkflowError() == nil {
			continue
		}
		require.Equal(t, string(order.CodeNoTimer), code(env.GetWorkflowError()), "the window is closed, and nothing else waits")
	}
	require.Equal(t, []order.Timer{order.TimerReturnsAccepted}, p.advanced(t))
}

// A live platform advances no clock, whoever asks for it.
func TestALivePlatformAdvancesNoClock(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	env := suite.NewTestActivityEnvironment()
	p := setup(t, nil, noReview)
	a := activities.New(activities.Options{Events: p.events, Gateway: p.gateway, Vault: plainvault.Vault{}})
	env.RegisterActivity(a)
	_, err := env.ExecuteActivity(a.AdvanceClock, activities.AdvanceClock{
		OrderID: p.orderID, RequestID: uuid.New(), Saga: order.Due{Timer: order.TimerDispatch, At: time.Now()}, At: time.Now(),
	})
	require.Equal(t, string(order.CodeLiveMode), code(err))
}
