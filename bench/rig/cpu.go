package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU is processor time by part, as Linux has counted it: user and system, in steps of 10 ms.
type CPU struct {
	// Temporal is the server's process, Ours the platform's, Driver this one's.
	Temporal, Ours, Kafka, Driver time.Duration
	// Postgres is the whole of PostgreSQL; the other two are the backends that serve Temporal, and those
	// that serve us.
	Postgres, PostgresTemporal, PostgresOurs time.Duration
}

// Since returns what was spent since an earlier reading.
func (c CPU) Since(before CPU) CPU {
	return CPU{
		Temporal: c.Temporal - before.Temporal, Ours: c.Ours - before.Ours, Kafka: c.Kafka - before.Kafka, Driver: c.Driver - before.Driver,
		Postgres: c.Postgres - before.Postgres, PostgresTemporal: c.PostgresTemporal - before.PostgresTemporal, PostgresOurs: c.PostgresOurs - before.PostgresOurs,
	}
}

// Plus adds two spans.
func (c CPU) Plus(o CPU) CPU { return c.Since(CPU{}.Since(o)) }

// CPU reads what each part has used so far. PostgreSQL's backends live as long as the pools that they serve, so the
// readings of a run can be compared.
func (r *Rig) CPU() CPU {
	c := CPU{Driver: spent(os.Getpid(), false), Temporal: r.temporal.cpu(), Kafka: r.kafka.cpu(), Ours: r.platform.cpu()}
	postmaster := r.postmaster()
	c.Postgres = spent(postmaster, true)
	for pid, title := range children(postmaster) {
		used := spent(pid, false)
		c.Postgres += used
		switch {
		case strings.Contains(title, " temporal"):
			c.PostgresTemporal += used
		case strings.Contains(title, " orderloom "):
			c.PostgresOurs += used
		}
	}
	return c
}

func (p *process) cpu() time.Duration {
	if p == nil {
		return 0
	}
	return spent(p.command.Process.Pid, true)
}

// postmaster is the process id of PostgreSQL's main process; 0 if it can't be told.
func (r *Rig) postmaster() int {
	content, err := os.ReadFile(filepath.Join(r.postgres.Dir(), "cluster", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(first))
	return pid
}

// tick is the unit of the times in /proc/<pid>/stat on Linux.
const tick = 10 * time.Millisecond

// spent returns the processor time of a process, with that of its children that have ended if asked for.
func spent(pid int, withEnded bool) time.Duration {
	fields := stat(pid)
	const utime, ended, all = 11, 13, 15
	if len(fields) < all {
		return 0
	}
	last := ended
	if withEnded {
		last = all
	}
	var ticks int64
	for _, f := range fields[utime:last] {
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * tick
}

// stat returns the fields of /proc/<pid>/stat behind the name, the state first.
func stat(pid int) []string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
}

// children returns the titles of the processes that a process has forked and that are alive.
func children(parent int) map[int]string {
	found := map[int]string{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := stat(pid); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			found[pid] = strings.ReplaceAll(string(title), "\x00", " ")
		}
	}
	return found
}

// Memory is the resident memory of the platform's process, in bytes: now, and the most there was.
func (r *Rig) Memory() (now, most int64) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.platform.command.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(content)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); n == 1 {
			now = kilobytes << 10
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			most = kilobytes << 10
		}
	}
	return now, most
}

// PID is the platform's process id, for profilers.
func (r *Rig) PID() int { return r.platform.command.Process.Pid }

// ForgetPeak makes [Rig.Memory] tell the most there was from now on.
func (r *Rig) ForgetPeak() error {
	const resetPeak = "5" // proc(5), /proc/pid/clear_refs
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", r.platform.command.Process.Pid), []byte(resetPeak), 0)
}
