package webhooks

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzAddress makes an endpoint of anything. The host of what is taken is a name, or an address of the public internet,
// in the form in which net/http calls it.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{
		"https://shop.example.com/hooks", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://127。0。0。1/",
		"https://１２７.1/", "https://0x7f.1/", "https://bücher.example:8443/?a=b", "https://xn--bcher-kva.example/", "https://localhost./", "https://a@b/", "",
		"https://%31%32%37.0.0.1/", "https://[fe80::1%25eth0]/", "https://a_b.example/", "https://ǆ.example/", "https://a\u00ad.example/",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if wrongURL(text, Rules{}) != "" {
			return
		}
		u, err := url.Parse(text)
		require.NoError(t, err)
		host := hostOf(u)
		require.NotEmpty(t, host)
		for _, c := range host {
			require.Less(t, c, rune(0x80), "the form that is called is ASCII")
		}
		name := strings.TrimSuffix(host, ".")
		require.NotEqual(t, "localhost", name)
		if address, err := netip.ParseAddr(name); err == nil {
			require.True(t, Public(address), host)
		}
		again := *u
		if again.Host = host; strings.Contains(host, ":") {
			again.Host = "[" + host + "]"
		}
		require.Equal(t, host, hostOf(&again), "it is called by no other form")
		_, err = http.NewRequestWithContext(t.Context(), http.MethodPost, text, http.NoBody)
		require.NoError(t, err)
	})
}

// FuzzRetryAfter reads anything that a receiver answers as a time to wait, which is bounded.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "0", "120", "-1", "99999999999999999999", "1.5", " 7 ", "Fri, 27 Nov 2026 10:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 27, 9, 59, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		w := httptest.NewRecorder()
		w.Header().Set("Retry-After", text)
		w.WriteHeader(http.StatusServiceUnavailable)
		answer := w.Result()
		defer func() { _ = answer.Body.Close() }()
		wait := retryAfter(answer, now)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, RetryAfterMax)
	})
}
