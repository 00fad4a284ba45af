package httpx

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// exchanged sends bytes to a library as they are, with the end of the client's side, and returns the status.
func exchanged(t *testing.T, bytes string) int {
	t.Helper()
	server := httptest.NewServer(newLibrary(t).router)
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = io.WriteString(c, bytes)
	require.NoError(t, err)
	_ = c.(*net.TCPConn).CloseWrite() // the server may have answered and closed
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

// A client tries again what has not arrived in full. What can never be read is told otherwise.
func TestABodyThatBreaksOffIsToldFromOneThatIsNone(t *testing.T) {
	t.Parallel()
	const book = `{"title": "A", "price": 1}`
	head := "POST /books HTTP/1.1\r\nHost: library\r\nContent-Type: application/json\r\n"
	chunked := head + "Transfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		sent   string
		status int
	}{
		"whole":                         {chunked + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(book), book), http.StatusCreated},
		"a length that never comes":     {head + "Content-Length: 100\r\n\r\n" + book, http.StatusRequestTimeout},
		"no last chunk":                 {chunked + fmt.Sprintf("%x\r\n%s\r\n", len(book), book), http.StatusRequestTimeout},
		"a chunk that breaks off":       {chunked + "ff\r\n" + book, http.StatusRequestTimeout},
		"a size that is no number":      {chunked + "zz\r\n" + book + "\r\n0\r\n\r\n", http.StatusBadRequest},
		"a size that is too large":      {chunked + "fffffffffffffffff\r\n" + book + "\r\n0\r\n\r\n", http.StatusBadRequest},
		"a chunk longer than its size":  {chunked + "5\r\n" + book + "\r\n0\r\n\r\n", http.StatusBadRequest},
		"a size without an end of line": {chunked + fmt.Sprintf("%0*d", 5000, 1), http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.status, exchanged(t, c.sent))
		})
	}
}

// Every problem that names what is wrong says how much it is, whoever has found it.
func TestAProblemSaysHowManyThingsAreWrong(t *testing.T) {
	t.Parallel()
	require.Equal(t, "one thing is wrong", InvalidBody(domain.Invalids{domain.Invalid("a", "is wrong")}).Detail)
	require.Equal(t, "2 things are wrong", InvalidBody(domain.Invalids{domain.Invalid("a", "is wrong"), domain.Invalid("b", "is wrong")}).Detail)
	require.Equal(t, "is wrong", InvalidBody(domain.Invalid("a", "is wrong")).Detail)
}
