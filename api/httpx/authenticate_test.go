package httpx

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// oneKey knows the credential "known" without any work, and "new" with some.
type oneKey struct{ asked int }

func (*oneKey) Known(credential string) (*access.Caller, bool) {
	return &access.Caller{Account: "shop", Scopes: access.Admin.Scopes()}, credential == "known"
}

func (k *oneKey) Authenticate(_ context.Context, credential string) (*access.Caller, error) {
	switch k.asked++; credential {
	case "known", "new":
		return &access.Caller{Account: "shop", Scopes: access.Admin.Scopes()}, nil
	case "lost":
		return nil, access.ErrUnavailable
	}
	return nil, domain.Refuse(access.CodeUnauthenticated, "the API key is unknown")
}

// slowKeys let each look at a credential wait until they are released.
type slowKeys struct {
	begun   chan struct{}
	release chan struct{}
}

func (k *slowKeys) Authenticate(ctx context.Context, _ string) (*access.Caller, error) {
	k.begun <- struct{}{}
	select {
	case <-k.release:
	case <-ctx.Done():
	}
	return nil, access.ErrUnavailable
}

// Fails where an address can have as many credentials looked up at once as it likes, while that takes long.
func TestAnAddressHasSoManyCredentialsLookedUpAtOnce(t *testing.T) {
	t.Parallel()
	keys := &slowKeys{begun: make(chan struct{}), release: make(chan struct{})}
	ask := secured(t, keys) // four at once, and one of them for each address
	answers := make(chan int)
	for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
		go func() { answers <- ask(address, "unknown").Code }()
		<-keys.begun
	}
	for range 100 {
		w := ask("192.0.2.1", "another")
		require.Equal(t, http.StatusTooManyRequests, w.Code)
		require.Contains(t, w.Body.String(), KindRateLimited.Code)
	}
	require.Equal(t, http.StatusUnauthorized, ask("192.0.2.1", "").Code, "nothing is looked up")
	close(keys.release)
	for range 2 {
		require.Equal(t, http.StatusServiceUnavailable, <-answers)
	}
}

// Fails where strangers have no rate while it can't be told who they are.
// Each of these requests is an error in the log.
func TestStrangersHaveARateWhileNobodyCanTellWhoTheyAre(t *testing.T) {
	t.Parallel()
	ask := secured(t, &oneKey{})
	statuses := map[int]int{}
	for range 100 {
		statuses[ask("192.0.2.1", "lost").Code]++
	}
	require.InDelta(t, securedBurst, statuses[http.StatusServiceUnavailable], 5)
	require.Equal(t, 100, statuses[http.StatusServiceUnavailable]+statuses[http.StatusTooManyRequests])
	require.Equal(t, http.StatusServiceUnavailable, ask("192.0.2.2", "lost").Code, "another address is not concerned")
	require.Equal(t, http.StatusOK, ask("192.0.2.1", "known").Code)
}

// securedBurst is how many requests a caller of [secured] makes at once.
const securedBurst = 65

func secured(t *testing.T, keys Authenticator, proxies ...netip.Prefix) func(remote, credential string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	contract, err := NewContract([]byte(libraryYAML))
	require.NoError(t, err)
	r := NewRouter(Options{
		Contract: contract, Limits: Limits{BodyBytesMax: 1 << 16, RequestTimeout: time.Minute, RequestsMax: 4}, Logger: slog.New(slog.DiscardHandler),
		Authenticator: keys, Proxies: proxies, Rate: Rate{PerSecond: 1, Burst: securedBurst},
	})
	r.Handle(Route{Method: "GET", Path: "/books/{id}", Handle: func(_ context.Context, x *Exchange) error { return x.JSON(http.StatusOK, nil) }})
	return func(remote, credential string, headers ...string) *httptest.ResponseRecorder {
		q := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/books/3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11", http.NoBody)
		q.RemoteAddr = remote + ":1234"
		q.Header.Set("Authorization", "Bearer "+credential)
		q.Header.Set("X-Reader", "ann")
		for i := 0; i+1 < len(headers); i += 2 {
			q.Header.Add(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		return w
	}
}

// Somebody who tries keys is stopped, and costs no more work. Others at the same address go on with known keys.
func TestAnAddressThatFailsTooOftenIsNotListenedTo(t *testing.T) {
	t.Parallel()
	keys := &oneKey{}
	ask := secured(t, keys)
	for range access.FailuresMax {
		require.Equal(t, http.StatusUnauthorized, ask("192.0.2.1", "wrong").Code)
	}
	asked := keys.asked
	for range 1000 {
		w := ask("192.0.2.1", "wrong")
		require.Equal(t, http.StatusTooManyRequests, w.Code)
		require.Contains(t, w.Body.String(), access.CodeTooManyFailures)
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
	require.Equal(t, http.StatusTooManyRequests, ask("192.0.2.1", "new").Code)
	require.Equal(t, http.StatusTooManyRequests, ask("192.0.2.1", "").Code)
	require.Equal(t, asked, keys.asked, "nothing is looked at")
	require.Equal(t, http.StatusOK, ask("192.0.2.1", "known").Code)
	require.Equal(t, http.StatusOK, ask("192.0.2.2", "new").Code, "another address is not concerned")
	for range 2 * access.FailuresMax {
		require.Equal(t, http.StatusServiceUnavailable, ask("192.0.2.3", "lost").Code, "what can't be told is nobody's failure")
	}
}

func TestBehindProxiesTheirClientIsTheOneThatFails(t *testing.T) {
	t.Parallel()
	ask := secured(t, &oneKey{}, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"))
	from := func(remote string, forwarded ...string) string {
		r := &Router{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}}
		q := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		q.RemoteAddr = remote
		for _, f := range forwarded {
			q.Header.Add("X-Forwarded-For", f)
		}
		return r.clientAddress(q).String()
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:1", []string{"203.0.113.9"}, "192.0.2.1"}, // whoever is no proxy may invent it
		{"10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"10.0.0.1:1", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{"[2001:db8::1]:1", []string{"2001:db9::7"}, "2001:db9::7"},
		{"10.0.0.1:1", []string{"rubbish"}, "10.0.0.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{strings.Repeat("10.0.0.2,", 1000) + "10.0.0.3"}, "10.0.0.2"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
	} {
		require.Equal(t, c.want, from(c.remote, c.forwarded...), "%v", c)
	}
	for range access.FailuresMax {
		ask("10.0.0.1", "wrong", "X-Forwarded-For", "203.0.113.9")
	}
	require.Equal(t, http.StatusTooManyRequests, ask("10.0.0.2", "wrong", "X-Forwarded-For", "203.0.113.9").Code)
	require.Equal(t, http.StatusUnauthorized, ask("10.0.0.1", "wrong", "X-Forwarded-For", "203.0.113.10").Code)
}
