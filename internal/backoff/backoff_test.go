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
		b := backoff.New(time.Second)
		for _, longest := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, backoff.Max, backoff.Max} {
			begun := time.Now()
			require.NoError(t, b.Wait(t.Context()))
			require.LessOrEqual(t, time.Since(begun), longest)
			require.GreaterOrEqual(t, time.Since(begun), longest*3/4)
		}
		b.Reset()
		begun := time.Now()
		require.NoError(t, b.Wait(t.Context()))
		require.LessOrEqual(t, time.Since(begun), time.Second)
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, backoff.New(time.Hour).Wait(ctx), context.Canceled)
}

func TestGatherIsAMultipleOfTheWorkWithinBounds(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0: 10 * time.Millisecond, time.Millisecond: 10 * time.Millisecond, 10 * time.Millisecond: 50 * time.Millisecond, time.Second: 60 * time.Millisecond,
	} {
		require.Equal(t, want, backoff.Gather(took, 10*time.Millisecond, 60*time.Millisecond))
	}
}
