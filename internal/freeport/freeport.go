// Package freeport finds ports for servers that tests and benchmarks start.
package freeport

import (
	"context"
	"net"
	"strconv"
)

// Addresses returns so many different addresses on loopback, with ports that nobody listens on at this moment.
func Addresses(ctx context.Context, count int) ([]string, error) {
	addresses := make([]string, 0, count)
	for range count {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }() // all at the end, so that they differ
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// Port is the port of one of these addresses.
func Port(address string) int {
	_, text, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text)
	return port
}
