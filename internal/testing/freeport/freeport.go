// Package freeport finds ports for servers that are started here.
package freeport

import (
	"context"
	"net"
	"strconv"
)

// Find returns so many different ports on loopback that nobody listens on at this moment.
func Find(ctx context.Context, count int) ([]int, error) {
	ports := make([]int, 0, count)
	for range count {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", Address(0))
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }() // all at the end, so that they differ
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Address is a port's address on loopback.
func Address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
