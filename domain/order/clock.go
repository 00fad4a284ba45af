package order

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// Timer names what an order waits for until some time.
type Timer string

// The timers. Those of returns follow from the order's events; its saga knows when the others are due.
const (
	TimerStock           Timer = "stock_deadline"
	TimerReview          Timer = "review_deadline"
	TimerPayment         Timer = "payment_deadline"
	TimerDispatch        Timer = "dispatch_deadline"
	TimerAuthorization   Timer = "authorization_ends"
	TimerDigital         Timer = "digital_retry"
	TimerHold            Timer = "money_held_check"
	TimerReturnDecision  Timer = "return_decision"
	TimerReturnedGoods   Timer = "returned_goods"
	TimerReturnsAccepted Timer = "return_window"
)

// Timers are all of them.
var Timers = []Timer{
	TimerStock, TimerReview, TimerPayment, TimerDispatch, TimerAuthorization, TimerDigital, TimerHold, TimerReturnDecision,
	TimerReturnedGoods, TimerReturnsAccepted,
}

// CodeNoTimer refuses to advance the clock of an order that waits for no time.
const CodeNoTimer domain.ErrorCode = "no_timer"

// CodeLiveMode refuses what orders for trying alone can be asked for.
const CodeLiveMode domain.ErrorCode = "live_mode"

// Due is a timer and when it goes off. The zero value is none.
type Due struct {
	Timer Timer     `json:"timer,omitempty"`
	At    time.Time `json:"due_at,omitzero"`
}

// IsZero reports whether it is none.
func (d Due) IsZero() bool { return d.At.IsZero() }

// Earlier returns the earlier one of two.
func (d Due) Earlier(other Due) Due {
	if d.IsZero() || !other.IsZero() && other.At.Before(d.At) {
		return other
	}
	return d
}

// OrderClockAdvanced says that the clock of an order for trying was set to when a timer of it goes off. From then on
// the order's time is ahead of the world's. Orders of a live platform have none of these.
type OrderClockAdvanced struct {
	OrderID uuid.UUID `json:"order_id"`
	// RequestID tells the request when it comes again.
	RequestID uuid.UUID `json:"request_id"`
	Timer     Timer     `json:"timer"`
	// DueAt is when the timer goes off, by the order's clock, and Ahead by how much that is ahead of the world's now.
	DueAt time.Time     `json:"due_at"`
	Ahead time.Duration `json:"ahead"`
	// AdvancedAt is by the world's clock.
	AdvancedAt time.Time `json:"advanced_at"`
}

// EventType implements [domain.Event].
func (OrderClockAdvanced) EventType() string { return "OrderClockAdvanced" }

// EventVersion implements [domain.Event].
func (OrderClockAdvanced) EventVersion() int { return 1 }

// Clock is by how much an order's time is ahead of the world's, and what has advanced it, oldest first.
type Clock struct {
	Ahead    time.Duration        `json:"ahead"`
	Advanced []OrderClockAdvanced `json:"advanced"`
}

// Now returns the order's time; at is the world's.
func (o Order) Now(at time.Time) time.Time {
	if o.Clock == nil {
		return at
	}
	return at.Add(o.Clock.Ahead)
}

// Advances returns what a request has done to the order's clock; false for one that has done nothing.
func (o Order) Advances(requestID uuid.UUID) (OrderClockAdvanced, bool) {
	if o.Clock != nil {
		for _, e := range o.Clock.Advanced {
			if e.RequestID == requestID {
				return e, true
			}
		}
	}
	return OrderClockAdvanced{}, false
}

// AdvanceClock asks to set the clock of an order to when the next timer of it goes off.
type AdvanceClock struct {
	RequestID uuid.UUID
	// Saga is the next timer that the order's saga has; none where no saga is there.
	Saga Due
	// At is the world's time.
	At time.Time
}

// Advance sets the clock of an order to when its next timer goes off: that of its saga, or one of its returns. It
// returns no events for a request that was carried out before. Errors: not_found; no_timer; invalid without an id.
func Advance(o Order, c AdvanceClock) ([]domain.Event, error) {
	if o.Status == "" {
		return nil, notFound(o)
	}
	if _, done := o.Advances(c.RequestID); done {
		return nil, nil
	}
	if c.RequestID == uuid.Nil {
		return nil, domain.Invalids{domain.Invalid("request_id", "is required")}
	}
	now := o.Now(c.At)
	due := c.Saga.Earlier(o.returnsDue(now))
	if due.IsZero() {
		return nil, domain.Refuse(CodeNoTimer, "order %s is %s and waits for no time", o.Number, o.Status)
	}
	e := OrderClockAdvanced{OrderID: o.ID, RequestID: c.RequestID, Timer: due.Timer, DueAt: due.At, AdvancedAt: c.At}
	if o.Clock != nil {
		e.Ahead = o.Clock.Ahead
	}
	e.Ahead += max(due.At.Sub(now), 0)
	return []domain.Event{e}, nil
}

// returnsDue returns the next timer of the order's returns: somebody has to decide, goods have to come, or no more
// returns are taken.
func (o Order) returnsDue(now time.Time) (next Due) {
	for _, r := range o.Returns {
		due := Due{TimerReturnedGoods, r.due()}
		if r.Status == ReturnStatusRequested {
			due.Timer = TimerReturnDecision
		}
		next = next.Earlier(due)
	}
	if o.Status == StatusDelivered {
		// A moment later, because a return that comes at the end of the window is taken.
		if closed := (Due{TimerReturnsAccepted, o.DeliveredAt.Add(ReturnWindow + time.Second)}); closed.At.After(now) {
			next = next.Earlier(closed)
		}
	}
	return next
}

// advanced returns the order after its clock was advanced.
func (o Order) advanced(e OrderClockAdvanced) Order {
	clock := Clock{Ahead: e.Ahead}
	if o.Clock != nil {
		clock.Advanced = append(clock.Advanced, o.Clock.Advanced...)
	}
	clock.Advanced = append(clock.Advanced, e)
	o.Clock = &clock
	return o
}
