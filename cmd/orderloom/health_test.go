package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthAsksTheListener(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/health", r.URL.Path)
		w.WriteHeader(status)
	}))
	defer server.Close()
	address := server.Listener.Addr().String()

	var out bytes.Buffer
	require.NoError(t, askHealth(t.Context(), address, &out))
	require.Equal(t, "alive\n", out.String())

	status = http.StatusServiceUnavailable
	require.ErrorContains(t, askHealth(t.Context(), address, &out), "503")
	server.Close()
	require.Error(t, askHealth(t.Context(), address, &out))
}
