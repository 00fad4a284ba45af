package access

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnAddressHasABudgetOfFailures(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	f := NewFailures()
	f.now = func() time.Time { return now }
	bad, good := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range FailuresMax {
		require.Zero(t, f.Wait(bad))
		f.Fail(bad)
	}
	require.Equal(t, FailureEvery, f.Wait(bad))
	require.Zero(t, f.Wait(good), "another address has its own")
	now = now.Add(FailureEvery)
	require.Zero(t, f.Wait(bad))
	f.Fail(bad)
	require.NotZero(t, f.Wait(bad))
	now = now.Add(time.Hour)
	for range FailuresMax {
		require.Zero(t, f.Wait(bad))
		f.Fail(bad)
	}
	require.NotZero(t, f.Wait(bad))

	six := netip.MustParseAddr("2001:db8::1")
	for range FailuresMax {
		f.Fail(six)
	}
	require.NotZero(t, f.Wait(netip.MustParseAddr("2001:db8::ffff:2")), "one customer has all addresses of its network")
	require.Zero(t, f.Wait(netip.MustParseAddr("2001:db8:0:1::1")))
	require.NotZero(t, f.Wait(netip.MustParseAddr("::ffff:192.0.2.1")), "written otherwise, it is the same address")
}

// Whoever obeys the wait fails no faster than the budget allows, whatever the times.
func TestFailuresComeNoFasterThanTheBudget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_800_000_000, 0)
		now := start
		f := NewFailures()
		f.now = func() time.Time { return now }
		address := netip.MustParseAddr("192.0.2.1")
		failed := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			if wait := f.Wait(address); wait > 0 {
				require.LessOrEqual(t, wait, FailureEvery)
				continue
			}
			f.Fail(address)
			failed++
		}
		require.LessOrEqual(t, failed, FailuresMax+int(now.Sub(start)/FailureEvery)+1)
	})
}
