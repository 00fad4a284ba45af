package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/orderloom/orderloom/bench/rig"
)

// client sends requests over one connection that it keeps. net/http's client hands each request to one goroutine and
// its answer to another. That would be measured here as part of the platform, and pgx does not do it either.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
	host   string
	out    []byte
}

const readBufferBytes = 64 << 10

func dial(ctx context.Context, address string) (*client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, reader: bufio.NewReaderSize(conn, readBufferBytes), host: u.Host}, nil
}

func (c *client) close() { _ = c.conn.Close() }

// get asks for a path and receives the answer to its end.
func (c *client) get(path string) error {
	c.out = fmt.Appendf(c.out[:0], "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, c.host, rig.Key)
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return err
}
