package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

// Those who run the platform ask at an address of their own, without a key, and find nothing of the API there.
func TestOperationsHaveAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	tel, err := telemetry.Setup(t.Context(), load(t, nil).Telemetry, "test")
	require.NoError(t, err)
	p := &platform{cfg: load(t, map[string]string{"ORDERLOOM_OPERATIONS_ADDRESS": address}), tel: tel}
	served, err := p.operations(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "main "+r.URL.Path)
	}))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- served.run(ctx) }()
	get := func(path string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
		require.NoError(t, err)
		a, err := http.DefaultClient.Do(q)
		require.NoError(t, err)
		defer func() { require.NoError(t, a.Body.Close()) }()
		text, err := io.ReadAll(a.Body)
		require.NoError(t, err)
		return a.StatusCode, string(text)
	}
	for _, path := range []string{"/health", "/ready"} {
		status, text := get(path)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "main "+path, text)
	}
	status, text := get("/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "go_goroutines")
	status, _ = get("/api/v1/orders")
	require.Equal(t, http.StatusNotFound, status)
	stop()
	require.ErrorIs(t, <-ended, http.ErrServerClosed)
	_, err = (&platform{cfg: config.Config{HTTP: config.HTTP{OperationsAddress: "256.0.0.1:1"}}}).operations(t.Context(), nil)
	require.ErrorContains(t, err, "ORDERLOOM_OPERATIONS_ADDRESS")
}
