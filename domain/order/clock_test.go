package order_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

func advance(t *testing.T, o order.Order, c order.AdvanceClock) order.Order {
	t.Helper()
	events, err := order.Advance(o, c)
	require.NoError(t, err)
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	return o
}

// The clock is set to the next timer, and never back. A request does so once.
func TestTheClockGoesToTheNextTimer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := order.AdvanceClock{RequestID: uuid.New(), Saga: order.Due{Timer: order.TimerDispatch, At: at.Add(72 * time.Hour)}, At: at}
	placed := order.Order{ID: uuid.New(), Status: order.StatusConfirmed}
	require.Equal(t, at, placed.Now(at), "the time of an order is the world's")
	o := advance(t, placed, first)
	require.Equal(t, at.Add(72*time.Hour), o.Now(at))
	require.Nil(t, placed.Clock, "the order before is as it was")
	first.Saga.At = first.Saga.At.Add(time.Hour)
	require.Equal(t, o, advance(t, o, first), "the same request again does nothing")

	past := advance(t, o, order.AdvanceClock{RequestID: uuid.New(), Saga: order.Due{Timer: order.TimerDigital, At: at}, At: at})
	require.Equal(t, o.Now(at), past.Now(at), "what is due already takes no time back")
	require.Len(t, past.Clock.Advanced, 2)

	_, err := order.Advance(o, order.AdvanceClock{RequestID: uuid.New(), At: at})
	require.Equal(t, order.CodeNoTimer, domain.Code(err))
	_, err = order.Advance(order.Order{}, first)
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
	first.RequestID = uuid.Nil
	_, err = order.Advance(o, first)
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
}

// Returns have timers of their own, which no saga waits for.
func TestTheTimersOfReturnsGoOffInTheirOrder(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	o := order.Order{ID: uuid.New(), Status: order.StatusDelivered, DeliveredAt: at, Returns: []order.ReturnRecord{
		{ReturnID: uuid.New(), Status: order.ReturnStatusRequested, DecideBy: at.Add(72 * time.Hour)},
		{ReturnID: uuid.New(), Status: order.ReturnStatusApproved, ExpiresAt: at.Add(48 * time.Hour)},
	}}
	var seen []order.Timer
	for range 3 {
		o = advance(t, o, order.AdvanceClock{RequestID: uuid.New(), At: at})
		seen = append(seen, o.Clock.Advanced[len(o.Clock.Advanced)-1].Timer)
		for _, e := range order.EndReturns(o, o.Now(at)) {
			o = order.Evolve(o, e)
		}
	}
	require.Equal(t, []order.Timer{order.TimerReturnedGoods, order.TimerReturnDecision, order.TimerReturnsAccepted}, seen)
	require.Equal(t, order.ReturnStatusExpired, o.Returns[1].Status)
	require.True(t, o.Returns[0].Overdue)
	require.True(t, o.Now(at).After(at.Add(order.ReturnWindow)))
	_, err := order.Advance(o, order.AdvanceClock{RequestID: uuid.New(), At: at})
	require.Equal(t, order.CodeNoTimer, domain.Code(err), "nothing waits any more")
}
