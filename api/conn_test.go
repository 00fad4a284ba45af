package api

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// countingListener counts what its connections are written.
type countingListener struct {
	net.Listener
	writes, halves atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l}, err
}

type countingConn struct {
	net.Conn
	of *countingListener
}

func (c countingConn) Write(b []byte) (int, error) {
	c.of.writes.Add(1)
	return c.Conn.Write(b)
}

func (c countingConn) CloseWrite() error {
	c.of.halves.Add(1)
	return c.Conn.(*net.TCPConn).CloseWrite()
}

func TestALargeAnswerLeavesInOnePiece(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := &countingListener{}
	url := "http://" + b.serveOn(t, l) + ordersPath
	for _, orders := range []int{0, 1, 5, readmodel.PageSizeMax} {
		page := readmodel.OrderPage{}
		for range orders {
			page.Orders = append(page.Orders, orderView(t, b, order.StatusShipped, order.ShipmentStatusDispatched).Shown())
		}
		b.page = page
		want := b.get(t, ordersPath).body
		before := l.writes.Load()
		response, err := http.Get(url)
		require.NoError(t, err)
		got, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, string(got))
		require.EqualValues(t, 1, l.writes.Load()-before, "%d orders", orders)
	}
}

// Without it a client that still sends gets a reset instead of its answer.
func TestTheServerEndsItsHalfOfAConnectionFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := &countingListener{}
	address := b.serveOn(t, l)
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer c.Close() //nolint:errcheck // of a test
	_, err = io.WriteString(c, "POST /api/v1/orders HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{")
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 413 "), string(answer))
	require.EqualValues(t, 1, l.halves.Load())
}
