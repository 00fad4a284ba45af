package api

import (
	"crypto/sha256"
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/stretchr/testify/require"
)

// keys makes API keys of pairs of a name and a key.
func keys(pairs ...string) []httpx.APIKey {
	var k []httpx.APIKey
	for i := 0; i < len(pairs); i += 2 {
		k = append(k, httpx.APIKey{Name: pairs[i], SHA256: sha256.Sum256([]byte(pairs[i+1]))})
	}
	return k
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.APIKeys = keys("shop", "s3cret", "shop", "s3cret-new", "office", "0ther") })
	for _, good := range []string{"Bearer s3cret", "bearer s3cret-new", "Bearer  0ther"} {
		t.Run(good, func(t *testing.T) {
			require.Equal(t, http.StatusOK, b.get(t, ordersPath, "Authorization", good).status)
		})
	}
	for _, bad := range []string{"Bearer", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer s3cret x"} {
		t.Run(bad, func(t *testing.T) {
			a := b.get(t, ordersPath, "Authorization", bad)
			a.problem(t, http.StatusUnauthorized, codeUnauthenticated)
			require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
		})
	}
	b.post(t, ordersPath, goodOrder).problem(t, http.StatusUnauthorized, codeUnauthenticated)
	require.True(t, b.untouched())
	for _, open := range []string{"/health", "/ready", "/docs", "/openapi.yaml", "/problems/invalid"} {
		t.Run(open, func(t *testing.T) { require.Equal(t, http.StatusOK, b.get(t, open).status) })
	}
	require.NotContains(t, b.log.String(), "s3cret")
	require.Contains(t, b.log.String(), `"caller":"shop"`)
	require.NotContains(t, b.log.String(), "the API is open")
}

func TestOpenAPIIsLoggedAsSuch(t *testing.T) {
	t.Parallel()
	require.Contains(t, setup(t).log.String(), "the API is open")
}
