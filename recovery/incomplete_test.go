package recovery_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/recovery"
	"github.com/stretchr/testify/require"
)

// Fails where one order that can't be read ends the recovery of all.
func TestAnOrderThatCanNotBeReadIsListedAndHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(13, 12)
	b.append(events...)
	b.publish()
	b.restore(2)
	var orders []uuid.UUID
	for _, e := range events {
		if e.AggregateType == domain.AggregateOrder && e.Version == 1 {
			orders = append(orders, e.AggregateID)
			b.temporal.open[e.AggregateID] = true
		}
	}
	b.unread = orders[0]

	found, err := b.recovery().Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, orders[:1], found.Unread)
	found, err = b.recovery().Carry(t.Context(), false)
	require.ErrorIs(t, err, recovery.ErrIncomplete)
	require.Equal(t, orders[:1], found.Unread)
	require.ElementsMatch(t, orders[1:], b.temporal.resumed)
	require.False(t, found.Identity.Confirmed)
	found, err = b.recovery().Carry(t.Context(), true)
	require.NoError(t, err)
	require.True(t, found.Identity.Confirmed)
	require.NotContains(t, b.temporal.resumed, orders[0])
}

// Fails where a guard tries again as soon as it would for a server that was away.
func TestARecoveryThatNeedsAPersonIsNotTriedAllTheTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(13, 3)...)
	b.publish()
	identity, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	_, err = b.store.Doubt(t.Context(), identity, "a person says so")
	require.NoError(t, err)
	var tried atomic.Int32
	b.guard(func(o *recovery.Options) {
		o.Carry = func(context.Context) (bool, error) { tried.Add(1); return false, recovery.ErrIncomplete }
	})
	require.Eventually(t, func() bool { return tried.Load() > 0 }, 20*time.Second, 20*time.Millisecond)
	require.Never(t, func() bool { return tried.Load() > 1 }, 8*time.Second, 100*time.Millisecond)
}
