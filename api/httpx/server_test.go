package httpx

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is no request reaches no handler. docs/errors.md lists these answers: that of Go's server, with the status.
func TestWhatIsNoRequestIsRefusedByTheServerItself(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a handler was called") })
	limits := ServerLimits{ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute, IdleTimeout: time.Minute, HeaderBytesMax: 1 << 10}
	server := httptest.NewUnstartedServer(nil)
	server.Config = NewServer("", handler, slog.New(slog.DiscardHandler), limits)
	server.Start()
	t.Cleanup(server.Close)
	secured := httptest.NewUnstartedServer(nil)
	secured.Config = NewServer("", handler, slog.New(slog.DiscardHandler), limits)
	secured.StartTLS()
	t.Cleanup(secured.Close)

	for name, c := range map[string]struct {
		address net.Addr
		request string
		status  int
	}{
		"broken escape":    {server.Listener.Addr(), "GET /api/v1/orders/%zz HTTP/1.1\r\nHost: a\r\n\r\n", http.StatusBadRequest},
		"no host":          {server.Listener.Addr(), "GET / HTTP/1.1\r\n\r\n", http.StatusBadRequest},
		"wrong host":       {server.Listener.Addr(), "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", http.StatusBadRequest},
		"no header":        {server.Listener.Addr(), "GET / HTTP/1.1\r\nHost: a\r\nx y: z\r\n\r\n", http.StatusBadRequest},
		"no TLS":           {secured.Listener.Addr(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", http.StatusBadRequest},
		"too many headers": {server.Listener.Addr(), "GET / HTTP/1.1\r\nHost: a\r\nx: " + strings.Repeat("x", 8<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"expectation":      {server.Listener.Addr(), "GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", http.StatusExpectationFailed},
		"transfer coding":  {server.Listener.Addr(), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n", http.StatusNotImplemented},
		"version":          {server.Listener.Addr(), "GET / HTTP/4.0\r\nHost: a\r\n\r\n", http.StatusHTTPVersionNotSupported},
	} {
		conn, err := net.Dial(c.address.Network(), c.address.String())
		require.NoError(t, err, name)
		_, err = io.WriteString(conn, c.request)
		require.NoError(t, err, name)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		require.Equal(t, c.status, response.StatusCode, name)
		require.Empty(t, response.Header.Get("X-Request-Id"), name)
		require.NotEqual(t, "application/problem+json", response.Header.Get("Content-Type"), name)
		_, err = io.ReadAll(response.Body) // the connection ends
		require.NoError(t, err, name)
		require.NoError(t, conn.Close(), name)
	}
}
