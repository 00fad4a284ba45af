package webhooks_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// answering is a receiver that answers with bytes, and leaves the connection open. It returns its address.
func answering(t *testing.T, bytes string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go func() {
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(c, bytes)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// An answer that never ends is the end of an attempt all the same. So it holds up no other, and the endpoint is seen to
// fail.
func TestAnAnswerThatIsNoneIsAFailure(t *testing.T) {
	t.Parallel()
	for name, bytes := range map[string]string{
		"another protocol":            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"another protocol, with more": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok",
		"no HTTP":                     "hello\r\n\r\n",
		"a status that there is not":  "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			e, _ := b.endpoint(t, answering(t, bytes))
			b.deliver(t)
			b.note(t, "shop", "web", uuid.New(), 1, 1)
			require.NotEmpty(t, b.failed(t, e.EndpointID, 1)[0].Error)
		})
	}
}

// A connection that the receiver closes as idle just when it is used again is no failure of the receiver.
func TestAConnectionThatWasIdleForTooLongIsNoFailure(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	taken := make(chan string, 10)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // of a test
				in := bufio.NewReader(c)
				if r, err := http.ReadRequest(in); err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
					taken <- r.Header.Get("Webhook-Id")
				}
				_, _ = http.ReadRequest(in) // it is closed without an answer
			}()
		}
	}()
	b, id := setup(t), uuid.New()
	e, _ := b.endpoint(t, "http://"+listener.Addr().String())
	b.deliver(t)
	b.note(t, "shop", "web", id, 1, 4)
	seen := map[string]bool{}
	for range 4 {
		seen[<-taken] = true
	}
	require.Len(t, seen, 4)
	b.settled(t, e.EndpointID, 4)
	log, _, err := b.table.Deliveries(t.Context(), "shop", webhooks.LogQuery{EndpointID: e.EndpointID})
	require.NoError(t, err)
	require.Empty(t, log, "nothing has failed")
}
