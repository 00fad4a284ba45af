// Package program runs the programs of others, for tests and benchmarks.
package program

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

// Start starts a server and waits until it accepts connections at an address. Its output goes to a file. The function
// that it returns ends the server.
func Start(ctx context.Context, server *exec.Cmd, output, address string) (stop func(), err error) {
	log, err := os.Create(output) //nolint:gosec // a path of ours
	if err != nil {
		return nil, err
	}
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the command, which ends first
	if err := server.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	stop = func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			drop(err)
		case <-time.After(stopTimeout):
			_ = server.Process.Kill()
			drop(<-exited)
		}
	}
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case err := <-exited:
			text, _ := os.ReadFile(output) //nolint:gosec // a path of ours
			return nil, fmt.Errorf("%s ended at once: %w: %s", server.Path, err, strings.TrimSpace(string(text)))
		case <-ctx.Done():
			stop()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address); err == nil {
			_ = c.Close()
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("%s does not accept connections", server.Path)
}

// drop takes how a server ended that was told to.
func drop(error) {}
