package eventstore

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func (g *gate) waitingNow() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

func TestTheQueueIsBoundedAndFair(t *testing.T) {
	t.Parallel()
	g := &gate{eventsMax: 10, bytesMax: 1000}
	require.NoError(t, g.enter(t.Context(), 8, 100))
	entered := make(chan int, 3)
	enter := func(ctx context.Context, n, events, bytes int) {
		waiting := g.waitingNow()
		go func() {
			if g.enter(ctx, events, bytes) == nil {
				entered <- n
			}
		}()
		require.Eventually(t, func() bool { return g.waitingNow() == waiting+1 }, waitMax, waitStep)
	}
	impatient, leave := context.WithCancel(t.Context())
	enter(t.Context(), 1, 5, 100)
	enter(impatient, 2, 1, 100)
	enter(t.Context(), 3, 1, 901) // would fit by its events, and waits its turn
	leave()
	require.Eventually(t, func() bool { return g.waitingNow() == 2 }, waitMax, waitStep)
	require.Empty(t, entered, "small ones do not overtake")
	g.leave(8, 100)
	require.Equal(t, 1, <-entered)
	require.Equal(t, 1, g.waitingNow(), "too many bytes")
	g.leave(5, 100)
	require.Equal(t, 3, <-entered)
	g.leave(1, 901)
	require.NoError(t, g.enter(t.Context(), 1000, 1), "what is larger than all the room gets in alone")
	g.leave(1000, 1)
	require.Zero(t, g.events+g.bytes)
}
