package api

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/stretchr/testify/require"
)

// asked sends a request with headers, which come in pairs, and returns the answer as it came.
func (b *testBundle) asked(t *testing.T, method, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	response := w.Result()
	t.Cleanup(func() { require.NoError(t, response.Body.Close()) })
	return response
}

func TestLongAnswersAreCompressedForWhoTakesThat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 {
		b.page.Orders = append(b.page.Orders, orderView(t, b, order.StatusShipped, order.ShipmentStatusDispatched).Shown())
	}
	plain := b.asked(t, http.MethodGet, ordersPath)
	require.Empty(t, plain.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding, Orderloom-Version", plain.Header.Get("Vary"))
	want, err := io.ReadAll(plain.Body)
	require.NoError(t, err)
	zipped := b.asked(t, http.MethodGet, ordersPath, "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"))
	require.ElementsMatch(t, []string{"Accept-Encoding", "Orderloom-Version"}, zipped.Header.Values("Vary"))
	reader, err := gzip.NewReader(zipped.Body)
	require.NoError(t, err)
	got, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// Fails where an entity tag stands for two forms of an answer.
func TestAnAnswerWithAnEntityTagIsNotCompressed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	v, err := b.views[someOrder].Shown().View()
	require.NoError(t, err)
	v.CancelReason = strings.Repeat("long ", compressedFrom)
	b.views[someOrder] = v
	for _, encoding := range []string{"gzip", ""} {
		got := b.asked(t, http.MethodGet, orderPath(""), "Accept-Encoding", encoding)
		require.NotEmpty(t, got.Header.Get("ETag"))
		require.Empty(t, got.Header.Get("Content-Encoding"))
		require.Empty(t, got.Header.Get("No-Gzip-Compression"))
	}
}

func TestOnlyPagesOfListedOriginsMayAsk(t *testing.T) {
	t.Parallel()
	const shop = "https://shop.example.com"
	listed := setup(t, func(o *Options) { o.Origins = []string{shop} })
	ask := []string{"Origin", shop, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,idempotency-key"}
	preflight := listed.asked(t, http.MethodOptions, ordersPath, ask...)
	require.Equal(t, shop, preflight.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "authorization,idempotency-key", preflight.Header.Get("Access-Control-Allow-Headers"))
	require.Equal(t, shop, listed.asked(t, http.MethodGet, ordersPath, "Origin", shop).Header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, listed.asked(t, http.MethodGet, ordersPath, "Origin", "https://other.example.com").Header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, setup(t).asked(t, http.MethodOptions, ordersPath, ask...).Header.Get("Access-Control-Allow-Origin"), "none by default")
}

func TestEveryAnswerTellsBrowsersWhatTheyMayNotDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{ordersPath, "/health", "/nothing", "/api/v1/orders/x", "/docs"} {
		h := b.asked(t, http.MethodGet, path).Header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", path)
		require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
	}
}
