package httpx

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
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

// Fails where a few callers can take all places together, as the keys of one account, or customers of one shop.
func TestCallersTogetherLeavePlacesForOthers(t *testing.T) {
	t.Parallel()
	for callers := 1; callers <= 100; callers++ {
		s := NewShare(512, 256)
		for taken := true; taken; { // each takes what it gets, again and again
			taken = false
			for i := range callers {
				taken = s.Take(strconv.Itoa(i)) == nil || taken
			}
		}
		require.GreaterOrEqual(t, 512-s.Held(), 512/(callers+1), "%d callers", callers)
		require.NoError(t, s.Take("another"), "%d callers", callers)
	}
}

// A proxy stands for everybody who comes through it.
func TestWhoeverMayHaveAllPlacesGetsThem(t *testing.T) {
	t.Parallel()
	s := NewShare(4, 4)
	for range 4 {
		require.NoError(t, s.Take("proxy"))
	}
	require.Equal(t, KindOverloaded.Code, AsProblem(s.Take("proxy")).Code)
}

func TestACallerHasABucketOfItsOwn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	b := newBuckets(policyCaller, Rate{PerSecond: 2, Burst: 4}, nil)
	require.Equal(t, `"caller";q=4;w=2`, b.policy)
	for want := 3; want >= 0; want-- {
		left, full, err := b.take("one", 1, now)
		require.NoError(t, err)
		require.Equal(t, want, left)
		require.Equal(t, (4-want+1)/2, full)
	}
	_, _, err := b.take("one", 1, now)
	var p *Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusTooManyRequests, p.Status)
	require.Equal(t, time.Second, p.RetryAfter)
	_, _, err = b.take("two", 1, now)
	require.NoError(t, err)
	_, _, err = b.take("one", 1, now.Add(500*time.Millisecond))
	require.NoError(t, err)
}

func TestARateOfZeroBoundsNothing(t *testing.T) {
	t.Parallel()
	require.Nil(t, newBuckets(policyCaller, Rate{Burst: 10}, nil))
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
	processes := []*buckets{newBuckets(policyCaller, limit, l), newBuckets(policyCaller, limit, l)}
	allowed := 0
	for i := range 1000 {
		p := processes[i%2]
		if _, _, err := p.take("one", 1, time.Now()); err == nil {
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
	b := newBuckets(policyCaller, Rate{PerSecond: 1, Burst: 20}, &lender{err: errors.New("Redis is away")})
	allowed := 0
	for range 100 {
		if _, _, err := b.take("one", 1, time.Now()); err == nil {
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

// Fails where an order counts as a request alone: a caller would place as many as it may read.
func TestOrdersHaveARateOfTheirOwn(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.ReleaseMode)
	r := &Router{
		buckets: newBuckets(policyCaller, Rate{PerSecond: 100, Burst: 200}, nil), scarce: newBuckets(policyOrders, Rate{PerSecond: 2, Burst: 4}, nil),
	}
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	ask := func(route Route) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		x := &Exchange{Context: c, router: r, Caller: &access.Caller{ID: "one"}}
		return w, x.limitRate(now, route)
	}
	for range 4 {
		_, err := ask(Route{Places: true})
		require.NoError(t, err)
	}
	w, err := ask(Route{Places: true})
	require.ErrorContains(t, err, "a caller places at most 2 orders a second")
	require.Equal(t, `"caller";q=200;w=2, "orders";q=4;w=2`, w.Header().Get("RateLimit-Policy"))
	require.Equal(t, `"caller";r=195;t=1, "orders";r=0;t=2`, w.Header().Get("RateLimit"))
	w, err = ask(Route{})
	require.NoError(t, err)
	require.Equal(t, `"caller";q=200;w=2`, w.Header().Get("RateLimit-Policy"))
	w, err = ask(Route{Cost: 50, Quiet: true})
	require.NoError(t, err)
	require.Equal(t, `"caller";r=144;t=1`, w.Header().Get("RateLimit"))
	w, err = ask(Route{Quiet: true, Open: true})
	require.NoError(t, err)
	require.Empty(t, w.Header().Get("RateLimit"), "whoever distributes requests may ask from the address of all")
}

// Fails where an address can take all connections.
func TestAnAddressLeavesConnectionsForOthers(t *testing.T) {
	t.Parallel()
	plain, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	const each = 2
	l := LimitConnections(plain, ConnectionLimits{Each: each, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	served := make(chan net.Conn, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(served)
				return
			}
			_, _ = conn.Write([]byte{'.'})
			served <- conn
		}
	}()
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	dial := func(from string) bool {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.DialContext(t.Context(), "tcp", plain.Addr().String())
		if errors.Is(err, syscall.ECONNRESET) { // it was closed before this side knew that it was open
			return false
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	require.True(t, dial("127.0.0.2"))
	require.True(t, dial("127.0.0.2"))
	require.False(t, dial("127.0.0.2"), "it has as many as it may")
	require.True(t, dial("127.0.0.3"))
	for range 2 * each {
		require.True(t, dial("127.0.0.9"), "a proxy has those of all")
	}
	require.NoError(t, (<-served).Close())
	require.True(t, dial("127.0.0.2"), "it has closed one")
}
