package httpx

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Fails where one caller can take all places.
func TestACallerLeavesPlacesForOthers(t *testing.T) {
	t.Parallel()
	s := NewShare(4, 2)
	require.NoError(t, s.Take("greedy"))
	require.NoError(t, s.Take("greedy"))
	require.Equal(t, KindRateLimited.Code, AsProblem(s.Take("greedy")).Code)
	require.NoError(t, s.Take("one"))
	require.NoError(t, s.Take("two"))
	require.Equal(t, KindOverloaded.Code, AsProblem(s.Take("three")).Code)
	s.Give("greedy")
	require.NoError(t, s.Take("three"))
	for _, caller := range []string{"greedy", "one", "two", "three"} {
		s.Give(caller)
	}
	require.Zero(t, s.Held())
	require.Empty(t, s.by, "nobody is remembered")
}

func TestACallerHasABucketOfItsOwn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	b := newBuckets(Rate{PerSecond: 2, Burst: 4})
	require.Equal(t, []string{`"caller";q=4;w=2`}, b.policy)
	for want := 3; want >= 0; want-- {
		left, full, err := b.take("one", now)
		require.NoError(t, err)
		require.Equal(t, want, left)
		require.Equal(t, (4-want+1)/2, full)
	}
	_, _, err := b.take("one", now)
	var p *Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusTooManyRequests, p.Status)
	require.Equal(t, time.Second, p.RetryAfter)
	_, _, err = b.take("two", now)
	require.NoError(t, err)
	_, _, err = b.take("one", now.Add(500*time.Millisecond))
	require.NoError(t, err)
}

func TestARateOfZeroBoundsNothing(t *testing.T) {
	t.Parallel()
	require.Nil(t, newBuckets(Rate{Burst: 10}))
}
