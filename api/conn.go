package api

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"
)

// NewListener returns a listener whose connections send an answer that is larger than net/http's buffer of four kilobytes in one
// piece. Without it, such an answer takes two system calls and wakes its client twice.
func NewListener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept implements [net.Listener].
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// conn is a connection that can hold what is written to it until all is there. Only the goroutine that answers writes to it.
type conn struct {
	net.Conn
	held *[]byte // nil while nothing is held
}

var heldBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	if c.held == nil {
		return c.Conn.Write(b)
	}
	*c.held = append(*c.held, b...)
	return len(b), nil
}

// CloseWrite lets the server end its half of the connection, so that a client still reads the answer to a request that it has not
// sent to its end.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// hold keeps what is written from now on until release.
func (c *conn) hold() { c.held = heldBuffers.Get().(*[]byte) }

// release sends what was held. When that fails, the server notices at its next write or read.
func (c *conn) release() {
	held := c.held
	c.held = nil
	if len(*held) > 0 {
		_, _ = c.Conn.Write(*held)
	}
	if cap(*held) <= buffersMax {
		clear(*held) // nothing of one answer is kept for the next
		*held = (*held)[:0]
		heldBuffers.Put(held)
	}
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// inOnePiece writes the body of an answer so that all of it leaves in one piece.
func inOnePiece(w gin.ResponseWriter, r *http.Request, body []byte) {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok && len(body) > serverBufferBytes-headerBytesUsual {
		c.hold()
		defer c.release()
		defer w.Flush()
	}
	_, _ = w.Write(body) // a client that has gone needs no answer
}

const (
	// serverBufferBytes is how much net/http's server collects before it writes.
	serverBufferBytes = 4 << 10
	// headerBytesUsual is more than the header of an answer has.
	headerBytesUsual = 1 << 10
)
