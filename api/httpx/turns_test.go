package httpx

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Fails where a caller with many requests is served by their number.
func TestCallersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const each = 2
		s := &turns{each: each, free: each + 1, by: map[string]*queue{}}
		var mu sync.Mutex
		var order []string
		ask := func(caller string) {
			go func() {
				if s.take(t.Context(), caller) == nil {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, caller)
				}
			}()
			synctest.Wait()
		}
		for range 5 {
			ask("greedy")
		}
		ask("one")
		require.Equal(t, []string{"greedy", "greedy", "one"}, order, "a caller leaves some for others, whatever it waits for")
		ask("two")
		ask("two")
		require.Len(t, order, 3)
		s.give("greedy")
		synctest.Wait()
		require.Equal(t, "two", order[3], "who asks first goes first")
		s.give("one")
		synctest.Wait()
		require.Equal(t, "greedy", order[4])
		s.give("greedy")
		synctest.Wait()
		require.Equal(t, "two", order[5], "they take turns")
		for len(order) < 8 {
			s.give(order[len(order)-1])
			synctest.Wait()
		}
		require.Equal(t, []string{"greedy", "greedy"}, order[6:])
	})
}

func TestWhoeverWaitsNoLongerTakesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &turns{each: 1, free: 1, by: map[string]*queue{}}
		require.NoError(t, s.take(t.Context(), "one"))
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- s.take(ctx, "one") }()
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		s.give("one")
		require.NoError(t, s.take(t.Context(), "two"))
		s.give("two")
		require.Empty(t, s.by, "nobody is remembered")
		require.Empty(t, s.waiting)
	})
}
