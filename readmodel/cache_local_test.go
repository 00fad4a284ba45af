package readmodel

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestLocalCacheDropsTheLongestUnused(t *testing.T) {
	t.Parallel()
	c := NewLocalCache(time.Minute)
	c.touch(time.Now())
	first, second := uuid.New(), uuid.New()
	c.Put(t.Context(), Shown{OrderID: first, Version: 1})
	c.Put(t.Context(), Shown{OrderID: second, Version: 1})
	for range localOrdersMax - 2 {
		c.Put(t.Context(), Shown{OrderID: uuid.New(), Version: 1})
	}
	_, ok := c.Get(t.Context(), first)
	require.True(t, ok)
	c.Put(t.Context(), Shown{OrderID: uuid.New(), Version: 1})
	_, ok = c.Get(t.Context(), first)
	require.True(t, ok, "it was used")
	_, ok = c.Get(t.Context(), second)
	require.False(t, ok)
	require.Equal(t, localOrdersMax, c.orders.Len())
}

func TestLocalCacheKeepsNothingOld(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := NewLocalCache(time.Minute)
	c.now = func() time.Time { return now }
	id := uuid.New()
	c.touch(now)
	c.Put(t.Context(), Shown{OrderID: id, Version: 2})
	c.Put(t.Context(), Shown{OrderID: id, Version: 1})
	got, ok := c.Get(t.Context(), id)
	require.True(t, ok)
	require.EqualValues(t, 2, got.Version, "an older state does not replace a later one")
	c.Invalidate(t.Context(), []OrderVersion{{OrderID: id, Version: 2}})
	_, ok = c.Get(t.Context(), id)
	require.True(t, ok, "that state is known already")
	c.Invalidate(t.Context(), []OrderVersion{{OrderID: id, Version: 3}})
	_, ok = c.Get(t.Context(), id)
	require.False(t, ok)
	c.Put(t.Context(), Shown{OrderID: id, Version: 2})
	_, ok = c.Get(t.Context(), id)
	require.False(t, ok, "a state that was read before the change does not come back after it")
	c.Put(t.Context(), Shown{OrderID: id, Version: 3})
	now = now.Add(localFreshness + time.Second)
	_, ok = c.Get(t.Context(), id)
	require.False(t, ok, "nothing is answered while changes are not followed")
	c.touch(now)
	_, ok = c.Get(t.Context(), id)
	require.True(t, ok)
	now = now.Add(time.Minute)
	c.touch(now)
	_, ok = c.Get(t.Context(), id)
	require.False(t, ok, "its time is over")
}
