package api

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/stretchr/testify/require"
)

var testServerLimits = httpx.ServerLimits{
	ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 45 * time.Second, IdleTimeout: 2 * time.Minute,
	HeaderBytesMax: 32 << 10,
}

// serve runs the API on a port of its own.
func (b *testBundle) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := httpx.NewServer(l.Addr().String(), b.api, slog.New(slog.DiscardHandler), testServerLimits)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return l.Addr().String()
}

func TestServerRefusesLargeHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := net.Dial("tcp", b.serve(t))
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // of a test
	_, err = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: api\r\nX-Large: "+strings.Repeat("x", 2*testServerLimits.HeaderBytesMax)+"\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
	require.NoError(t, response.Body.Close())
}

func TestServerAnswersBeforeAnOversizedBodyHasArrived(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := net.Dial("tcp", b.serve(t))
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // of a test
	_, err = io.WriteString(conn, "POST /api/v1/orders HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.NoError(t, response.Body.Close())
}

// broken is a body that breaks off.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("read tcp 10.0.0.9: i/o timeout")
	}
	return n, err
}

func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, ordersPath, broken{strings.NewReader(goodOrder)})
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Result().Header, body: w.Body.String()}
	checkExchange(t, r, "", a)
	a.problem(t, http.StatusRequestTimeout, codeTimeout)
	require.NotContains(t, a.body, "10.0.0.9")
	require.True(t, b.untouched())
}
