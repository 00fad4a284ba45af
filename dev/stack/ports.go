package stack

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"

	"github.com/orderloom/orderloom/internal/progress"
)

// Ports are those of the embedded servers, all at 127.0.0.1. 0 stands for any free one.
type Ports struct {
	Postgres int
	Kafka    int
	Temporal int
	// TemporalMetrics serves the Temporal server's own Prometheus metrics.
	TemporalMetrics int
	UI              int
}

// DefaultPorts are the documented ones. PostgreSQL's is not 5432, because a machine that has its own
// uses that.
var DefaultPorts = Ports{Postgres: 5433, Kafka: 9092, Temporal: 7233, TemporalMetrics: 7243, UI: 8233}

const loopback = "127.0.0.1"

// free returns the port wanted if nobody listens there, else a free one, and says so.
func free(what string, wanted int, log progress.Log) (int, error) {
	port, err := listenable(wanted)
	if err == nil {
		return port, nil
	}
	if port, err = listenable(0); err != nil {
		return 0, fmt.Errorf("find a free port for %s: %w", what, err)
	}
	log("port %d is taken: %s listens on %d instead", wanted, what, port)
	return port, nil
}

// Listen returns the address at which a server can listen: the port wanted, or a free one, which log is told.
func Listen(what string, wanted int, log progress.Log) (address string, err error) {
	port, err := free(what, wanted, log)
	return hostPort(port), err
}

func listenable(port int) (int, error) {
	listener, err := listen(port)
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// Free ports are looked for below the range that systems give to outgoing connections. A port of that range could be
// given away between its choice and the server's start.
const (
	freeFrom, freeTo = 20_000, 32_000
	freeAttempts     = 100
)

// listen listens at a port, or for 0 at any free one.
func listen(port int) (listener net.Listener, err error) {
	if port != 0 {
		return net.Listen("tcp", hostPort(port)) //nolint:noctx // at once
	}
	for range freeAttempts {
		if listener, err = listen(freeFrom + rand.IntN(freeTo-freeFrom)); err == nil {
			return listener, nil
		}
	}
	return nil, err
}

// startTries is how often a server is started whose free port was taken in the meantime. That happens often: a
// process that another goroutine is starting keeps the closed listener open until it runs its own program.
const startTries = 5

func portTaken(err error) bool { return strings.Contains(err.Error(), "address already in use") }

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// freePorts returns different free ports.
func freePorts(count int) ([]int, error) {
	ports := make([]int, 0, count)
	for range count {
		listener, err := listen(0)
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = listener.Close() }() // when all are found
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
