package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
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

// Fails where a refusal waits for a body that nobody reads, until the read timeout. Whoever sends its body slowly would
// hold connections then, beyond any share.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := b.serve(t)
	for name, head := range map[string]string{
		"small": "Content-Length: 1000\r\n\r\n{", "large": "Content-Length: 200000\r\n\r\n{", "in chunks": "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(testServerLimits.ReadTimeout/2)))
		_, err = io.WriteString(conn, "POST /api/v1/orders HTTP/1.1\r\nHost: api\r\nContent-Type: text/plain\r\n"+head)
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		require.Equal(t, http.StatusUnsupportedMediaType, response.StatusCode, name)
		require.NoError(t, response.Body.Close())
	}
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

// A client learns with HEAD what GET would answer, and with OPTIONS what a path is served for.
func TestHeadAndOptionsAreServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := "http://" + b.serve(t)
	send := func(method, path string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, response.Body.Close()) })
		return response
	}
	for _, path := range []string{ordersPath, "/health", "/docs", "/problems/invalid", ordersPath + "/" + uuid.NewString()} {
		get, head := send(http.MethodGet, path), send(http.MethodHead, path)
		require.Equal(t, get.StatusCode, head.StatusCode, path)
		require.Equal(t, get.Header.Get("Content-Type"), head.Header.Get("Content-Type"), path)
		require.Equal(t, "nosniff", head.Header.Get("X-Content-Type-Options"), path)
		body, err := io.ReadAll(head.Body)
		require.NoError(t, err)
		require.Empty(t, body, path)
	}
	options := send(http.MethodOptions, ordersPath)
	require.Equal(t, http.StatusNoContent, options.StatusCode)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		require.Contains(t, options.Header.Get("Allow"), method)
	}
	require.Equal(t, http.StatusNotFound, send(http.MethodOptions, "/nothing").StatusCode)
	// A path of its own is no id of an order.
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		refused := send(method, previewPath)
		require.Equal(t, http.StatusMethodNotAllowed, refused.StatusCode, method)
		require.Equal(t, http.MethodPost, refused.Header.Get("Allow"))
	}
	require.Equal(t, http.MethodPost, send(http.MethodOptions, searchPath).Header.Get("Allow"))
}

// A client that hangs up is no fault of ours: the log says that it has gone, and no error.
func TestAClientThatHangsUpIsNoError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	b.viewErr = ctx.Err()
	w := httptest.NewRecorder()
	b.api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, ordersPath, nil))
	require.Equal(t, 499, w.Code)
	require.NotContains(t, b.log.String(), `"level":"ERROR"`)
	require.Contains(t, b.log.String(), `"client_gone":true`)
}
