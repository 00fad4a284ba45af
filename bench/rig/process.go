package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a server that was started here. Its output goes to a file.
type process struct {
	name    string
	address string // where it listens, for those that have one
	log     string
	command *exec.Cmd
	exited  chan struct{}
}

func command(ctx context.Context, dir, name string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, arguments...)
	c.Dir = dir
	return c
}

// start starts a server, with an empty log. The server ends with this process, however that ends.
func (r *Rig) start(name string, environment []string, path string, arguments ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(r.Dir, name+".log"), exited: make(chan struct{})}
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	p.command = exec.Command(path, arguments...) //nolint:noctx // it is stopped by a signal
	p.command.Dir, p.command.Env = r.Dir, environment
	p.command.Stdout, p.command.Stderr = file, file
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.command.Wait() // its log says why
		close(p.exited)
	}()
	return p, nil
}

// Run starts a program beside the platform, with a log of its own. It returns when the program takes connections at
// all addresses.
func (r *Rig) Run(
	ctx context.Context, name string, environment, addresses []string, path string, arguments ...string,
) (stop func(context.Context) error, err error) {
	p, err := r.start(name, environment, path, arguments...)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		if err := p.awaitConnections(ctx, address); err != nil {
			return nil, errors.Join(err, p.stop(ctx))
		}
	}
	return p.stop, nil
}

// await returns when the output has a line with text.
func (p *process) await(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for p.line(text) == "" {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at once:\n%s", p.name, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w\n%s", p.name, ctx.Err(), p.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// awaitConnections returns when connections are taken at address.
func (p *process) awaitConnections(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at once:\n%s", p.name, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", p.name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// line returns the first line of the output that holds text.
func (p *process) line(text string) string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(content) {
		if bytes.Contains(line, []byte(text)) {
			return string(bytes.TrimSpace(line))
		}
	}
	return ""
}

// setting returns the value of NAME=value in the output.
func (p *process) setting(name string) string {
	_, value, _ := strings.Cut(p.line(name+"="), "=")
	return value
}

func (p *process) tail() string {
	const shown = 2000
	content, _ := os.ReadFile(p.log)
	if len(content) > shown {
		content = content[len(content)-shown:]
	}
	return string(content)
}

const stopTimeout = 30 * time.Second

func (p *process) stop(ctx context.Context) error {
	err := p.command.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	select {
	case <-p.exited:
		return err
	case <-ctx.Done():
	case <-time.After(stopTimeout):
	}
	return errors.Join(fmt.Errorf("%s did not stop in time", p.name), p.command.Process.Kill())
}
