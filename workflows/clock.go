package workflows

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"go.temporal.io/sdk/workflow"
)

// AdvanceRequest asks to set the clock of an order for trying to when the next timer of it goes off.
type AdvanceRequest struct {
	// RequestID makes the request repeatable.
	RequestID uuid.UUID `json:"request_id"`
}

// AdvanceInput is an [AdvanceRequest] for an order without a saga: it has ended.
type AdvanceInput struct {
	OrderID uuid.UUID `json:"order_id"`
	AdvanceRequest
}

// AdvanceSaga sets the clock of an order for trying to when the next timer of its returns goes off, and does what is
// due then. Refusals: those of [order.Advance]; live_mode.
func AdvanceSaga(ctx workflow.Context, in AdvanceInput) (activities.ClockAdvanced, error) {
	ctx = forOrder(ctx, in.OrderID)
	var a *activities.Activities
	out, err := runStep(ctx, "Advance the order's clock", a.AdvanceClock, activities.AdvanceClock{
		OrderID: in.OrderID, RequestID: in.RequestID, At: workflow.Now(ctx),
	})
	if err != nil {
		return out, err
	}
	return out, endReturns(ctx, in.OrderID)
}

// orderClock is that of an order. It is the world's, but for orders for trying: theirs may be ahead of it.
type orderClock struct {
	ahead time.Duration
	// moved counts how often it was advanced.
	moved int
}

type clockKey struct{}

// withClock returns a context of an order with this clock.
func withClock(ctx workflow.Context, c *orderClock) workflow.Context {
	return workflow.WithValue(ctx, clockKey{}, c)
}

// clockOf returns the clock of a context; nil for the world's.
func clockOf(ctx workflow.Context) *orderClock {
	c, _ := ctx.Value(clockKey{}).(*orderClock)
	return c
}

// now returns the time of the order that ctx works for. All that an order's sagas decide on is in it.
func now(ctx workflow.Context) time.Time {
	if c := clockOf(ctx); c != nil {
		return workflow.Now(ctx).Add(c.ahead)
	}
	return workflow.Now(ctx)
}

// awaitUntil waits until a condition holds, or a timer goes off: true for the condition. The timer's end comes earlier
// when the clock of the order is advanced.
func (s *orderSaga) awaitUntil(ctx workflow.Context, timer order.Timer, wait time.Duration, summary string, holds func() bool) (bool, error) {
	due := now(ctx).Add(wait)
	s.dues[timer] = due
	defer delete(s.dues, timer)
	for {
		moved := s.clock.moved
		in, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: max(due.Sub(now(ctx)), time.Millisecond), TimerOptions: workflow.TimerOptions{Summary: summary},
		}, func() bool { return holds() || s.clock.moved != moved })
		switch {
		case err != nil:
			return false, err
		case s.clock.moved == moved || holds():
			return in, nil
		case !now(ctx).Before(due):
			return false, nil
		}
	}
}

// nextDue is the timer of this saga that goes off first; none while it waits for no time.
func (s *orderSaga) nextDue() (next order.Due) {
	for _, timer := range order.Timers {
		if at, waits := s.dues[timer]; waits {
			next = next.Earlier(order.Due{Timer: timer, At: at})
		}
	}
	return next
}

// advanceClock sets the order's clock to when its next timer goes off, and answers once what is due then is done.
func (s *orderSaga) advanceClock(ctx workflow.Context, r AdvanceRequest) (replayed bool, err error) {
	due := s.nextDue()
	var a *activities.Activities
	out, err := runStep(ctx, "Advance the order's clock", a.AdvanceClock, activities.AdvanceClock{
		OrderID: s.in.OrderID, RequestID: r.RequestID, Saga: due, At: workflow.Now(ctx),
	})
	if err != nil {
		return false, err
	}
	s.clock.ahead, s.clock.moved = out.Ahead, s.clock.moved+1
	for _, id := range []string{InventorySagaID(s.in.OrderID), PaymentSagaID(s.in.OrderID)} {
		if s.children[id] {
			_ = workflow.SignalExternalWorkflow(ctx, id, "", ClockAdvanced, nil).Get(ctx, nil) // one that is gone needs none
		}
	}
	if out.Timer != due.Timer || !out.At.Equal(due.At) { // a return's came first, or this was carried out before
		return out.Replayed, endReturns(ctx, s.in.OrderID)
	}
	return out.Replayed, workflow.Await(ctx, func() bool {
		return s.over || s.nextDue() != due && (s.resting || len(s.dues) > 0)
	})
}

// takeClock looks how far the clock of an order was advanced, for a saga that waits on its behalf and has received
// [ClockAdvanced]. The signals are not believed: the events tell.
func takeClock(ctx workflow.Context, orderID uuid.UUID) error {
	signals := workflow.GetSignalChannel(ctx, ClockAdvanced)
	for signals.Len() > 0 {
		signals.ReceiveAsync(nil)
	}
	var a *activities.Activities
	ahead, err := runStep(ctx, "Look at the order's clock", a.LookAtClock, activities.LookAtClock{OrderID: orderID})
	if err == nil {
		clockOf(ctx).ahead = ahead.Ahead
	}
	return err
}
