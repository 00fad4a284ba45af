package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthAsksTheListener(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	server := httptest.NewServer(mux)
	defer server.Close()
	address := server.Listener.Addr().String()

	var out bytes.Buffer
	require.NoError(t, askHealth(t.Context(), "http", "ORDERLOOM_HTTP_ADDRESS", address, &out))
	require.Equal(t, "alive\n", out.String())
	page, err := os.ReadFile("../../docs/runbooks/OrderloomProcessDown.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "this prints `alive`")

	status = http.StatusServiceUnavailable
	require.ErrorContains(t, askHealth(t.Context(), "http", "ORDERLOOM_HTTP_ADDRESS", address, &out), "503")
	server.Close()
	require.Error(t, askHealth(t.Context(), "http", "ORDERLOOM_HTTP_ADDRESS", address, &out))
}
