package httpx

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/orderloom/orderloom/access"
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
	b := newBuckets(Rate{PerSecond: 2, Burst: 4}, nil)
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
	require.Nil(t, newBuckets(Rate{Burst: 10}, nil))
}

// lender has one bucket of tokens, and gives as many of them as there are.
type lender struct {
	mu     sync.Mutex
	tokens int
	err    error
	asked  int
}

func (l *lender) Lend(_ context.Context, _ string, _ Rate, n int) (Loan, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.err != nil {
		return Loan{}, l.err
	}
	lent := min(n, l.tokens)
	l.tokens -= lent
	return Loan{Lent: lent, Left: l.tokens, After: time.Minute}, nil
}

// borrowed waits until no loan is under way.
func borrowed(t *testing.T, b *buckets, caller string) {
	t.Helper()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		k, _ := b.by.Get(caller)
		return !k.asking
	}, 10*time.Second, time.Millisecond)
}

// Fails where each process gives a caller the whole rate.
func TestProcessesShareTheRateOfACaller(t *testing.T) {
	t.Parallel()
	l := &lender{tokens: 200}
	limit := Rate{PerSecond: 100, Burst: 200}
	processes := []*buckets{newBuckets(limit, l), newBuckets(limit, l)}
	allowed := 0
	for i := range 1000 {
		p := processes[i%2]
		if _, _, err := p.take("one", time.Now()); err == nil {
			allowed++
		}
		borrowed(t, p, "one")
	}
	require.GreaterOrEqual(t, allowed, 200)
	require.LessOrEqual(t, allowed, 200+2*10, "a batch ahead in each process")
	require.Less(t, l.asked, 60, "tokens are lent in batches")
}

func TestAProcessCountsByItselfWhileNobodyLends(t *testing.T) {
	t.Parallel()
	b := newBuckets(Rate{PerSecond: 1, Burst: 20}, &lender{err: errors.New("Redis is away")})
	allowed := 0
	for range 100 {
		if _, _, err := b.take("one", time.Now()); err == nil {
			allowed++
		}
		borrowed(t, b, "one")
	}
	require.GreaterOrEqual(t, allowed, 20)
	require.LessOrEqual(t, allowed, 22)
}

// Fails where limits know strangers by another address than failed authentications do: everybody behind a proxy would
// share one limit.
func TestStrangersAreLimitedByTheAddressTheyCallFrom(t *testing.T) {
	t.Parallel()
	r := &Router{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	party := func(remote, forwarded string) string {
		q := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		q.RemoteAddr = remote
		q.Header.Set("X-Forwarded-For", forwarded)
		return (&Exchange{Context: &gin.Context{Request: q}, router: r}).Party()
	}
	require.Equal(t, "203.0.113.9", party("10.0.0.1:1", "203.0.113.9"))
	require.Equal(t, "192.0.2.1", party("192.0.2.1:1", "203.0.113.9"), "whoever is no proxy may invent it")
	require.Equal(t, party("[2001:db8::1]:1", ""), party("[2001:db8::2]:1", ""), "a network of IPv6 is one customer's")
}

// A shop names its customers as it likes, and takes nobody else's share by that.
func TestACustomerHasAShareOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range []*access.Caller{
		{Account: "shop", ID: "k-1"},
		{Account: "evil", ID: "k-1", CustomerID: "k-1"},
		{Account: "shop", ID: "cust-1", CustomerID: "cust-1"},
		{Account: "evil", ID: "cust-1", CustomerID: "cust-1"},
	} {
		seen[(&Exchange{Caller: c}).Party()] = true
	}
	require.Len(t, seen, 4)
}
