package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/stretchr/testify/require"
)

// revocable are callers whose keys end at once.
type revocable struct {
	callers
	revoked, away atomic.Bool
	askedInVain   atomic.Int64
}

func (r *revocable) Authenticate(ctx context.Context, credential string) (*access.Caller, error) {
	switch {
	case r.away.Load():
		r.askedInVain.Add(1)
		return nil, access.ErrUnavailable
	case r.revoked.Load():
		credential = "revoked"
	}
	return r.callers.Authenticate(ctx, credential)
}

// A stream ends within a second once its key does. While the key can't be checked, it goes on.
func TestAStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	for _, path := range []string{streamPath, eventsPath} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			keys := &revocable{callers: byRole()}
			b := setup(t, func(o *Options) { o.Authenticator, o.Limits.StreamKeepAlive = keys, 10*time.Millisecond })
			server := httptest.NewServer(b.api)
			t.Cleanup(server.Close)
			t.Cleanup(b.api.Drain)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			require.NoError(t, err)
			r.Header.Set("Accept", "text/event-stream")
			r.Header.Set("Authorization", "Bearer support")
			response, err := server.Client().Do(r)
			require.NoError(t, err)
			defer response.Body.Close() //nolint:errcheck // of a test
			require.Equal(t, http.StatusOK, response.StatusCode)
			ended := make(chan time.Time, 1)
			go func() {
				for buffer := make([]byte, 1024); ; {
					if _, err := response.Body.Read(buffer); err != nil {
						ended <- time.Now()
						return
					}
				}
			}()
			keys.away.Store(true)
			require.Eventually(t, func() bool { return keys.askedInVain.Load() > 1 }, 10*time.Second, time.Millisecond, "it goes on")
			require.Empty(t, ended)
			keys.away.Store(false)
			keys.revoked.Store(true)
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				require.Fail(t, "the stream goes on without a key")
			}
		})
	}
}

// Fails where a request that waits for events is answered with them although its key was revoked meanwhile.
func TestARequestThatWaitedIsAnsweredWithAGoodKeyAlone(t *testing.T) {
	t.Parallel()
	keys := &revocable{callers: byRole()}
	b := setup(t, func(o *Options) { o.Authenticator = keys })
	revoked := make(chan struct{})
	go func() {
		defer close(revoked)
		for b.api.waits.Held() == 0 && t.Context().Err() == nil {
			<-time.After(time.Millisecond)
		}
		keys.revoked.Store(true)
		b.happened.happen("OrderPlaced")
	}()
	a := b.get(t, eventsPath+"?cursor=now", "Prefer", "wait=600", "Authorization", "Bearer support")
	a.problem(t, http.StatusUnauthorized, codeUnauthenticated)
	<-revoked
}

// whoSees tells of each operation that shows orders, and has none in its path, what keeps it to the caller's own ones.
// All others need orders:all.
var whoSees = map[string]string{
	"GET /api/v1/orders":            "the owner in the query",
	"POST /api/v1/orders/search":    "the owner in the query",
	"GET /api/v1/orders/stream":     "the filter of the stream",
	"GET /api/v1/events":            "the owners of the feed",
	"GET /api/v1/events/{event_id}": "the owners of the feed",
}

// An operation that shows orders shows the caller's own ones, or needs the scope for everybody's. A new one is to be
// thought about.
func TestWhatShowsEverybodysOrdersNeedsTheScopeForIt(t *testing.T) {
	t.Parallel()
	shows := access.ScopesOf(access.OrdersRead)
	for _, name := range contract().Operations() {
		needs := contract().Scopes(name)
		if !needs.Has(shows) || strings.Contains(name, orderParameter) || whoSees[name] != "" {
			continue
		}
		require.True(t, needs.Has(access.ScopesOf(access.OrdersAll)), "%s shows orders of others: it needs orders:all, or a place in whoSees", name)
	}
	for name := range whoSees {
		require.True(t, contract().Scopes(name).Has(shows), name)
	}
}
