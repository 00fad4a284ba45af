package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Role is a process of one role beside the platform, on the same servers.
type Role struct {
	// Host is where it listens, as host:port.
	Host    string
	process *process
}

// RunRole starts a process of a role, with settings of its own as NAME=value.
func (r *Rig) RunRole(ctx context.Context, name, role string, settings ...string) (*Role, error) {
	p, err := r.start(name, append(append([]string{}, r.environment...), settings...), r.binary("orderloom"), role)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, `"msg":"serving"`); err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(p.line(`"msg":"serving"`), `"url":"http://`)
	host, _, _ := strings.Cut(rest, `"`)
	return &Role{Host: host, process: p}, nil
}

// Stop stops it as a deployment would.
func (r *Role) Stop(ctx context.Context) error { return r.process.stop(ctx) }

// CPU is the processor time of its threads so far, to the nanosecond (Linux, Documentation/scheduler/sched-stats).
func (r *Role) CPU() (spent time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", r.process.command.Process.Pid))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(content), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		spent += time.Duration(n)
	}
	return spent
}
