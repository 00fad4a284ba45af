package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/stretchr/testify/require"
)

func TestWaitsDoubleUpToTheLongestAndBeginAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := backoff.New()
		longest := backoff.First
		for range 10 {
			begun := time.Now()
			require.NoError(t, b.Wait(t.Context()))
			require.LessOrEqual(t, time.Since(begun), longest)
			require.GreaterOrEqual(t, time.Since(begun), longest*3/4)
			longest = min(2*longest, backoff.Max)
		}
		require.Equal(t, backoff.Max, longest)
		b.Reset()
		begun := time.Now()
		require.NoError(t, b.Wait(t.Context()))
		require.LessOrEqual(t, time.Since(begun), backoff.First)
	})
}

func TestBoundsOfTheWaitsCanBeGiven(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := backoff.Between(time.Millisecond, 3*time.Millisecond)
		for _, longest := range []time.Duration{time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 3 * time.Millisecond} {
			require.Equal(t, longest, b.Next())
			begun := time.Now()
			require.NoError(t, b.Wait(t.Context()))
			require.LessOrEqual(t, time.Since(begun), longest)
		}
		b.Reset()
		require.Equal(t, time.Millisecond, b.Next())
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, backoff.New().Wait(ctx), context.Canceled)
}

func TestGatherIsAMultipleOfTheWorkWithinBounds(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0: 10 * time.Millisecond, time.Millisecond: 10 * time.Millisecond, 10 * time.Millisecond: 50 * time.Millisecond, time.Second: 60 * time.Millisecond,
	} {
		require.Equal(t, want, backoff.Gather(took, 10*time.Millisecond, 60*time.Millisecond))
	}
}
