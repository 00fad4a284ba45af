package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// measure runs a case once in Go's benchmark harness.
func (s *suite) measure(ctx context.Context, k *kase) error {
	if k.before != nil {
		if err := k.before(ctx); err != nil {
			return err
		}
	}
	var failed atomic.Pointer[error]
	var r result
	testing.Benchmark(func(b *testing.B) {
		latencies := make([][]time.Duration, k.writers)
		var left atomic.Int64
		left.Store(int64(b.N))
		own, postgres := s.cpu()
		start := time.Now()
		var wg sync.WaitGroup
		for w := range k.writers {
			wg.Go(func() {
				for left.Add(-1) >= 0 && failed.Load() == nil {
					began := time.Now()
					if err := k.call(ctx, w); err != nil {
						failed.CompareAndSwap(nil, &err)
						return
					}
					latencies[w] = append(latencies[w], time.Since(began))
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		ownAfter, postgresAfter := s.cpu()
		r.calls = float64(b.N) / took.Seconds()
		r.cpuPostgres = float64((postgresAfter - postgres).Milliseconds()) / float64(b.N) * 1000
		r.cpu = float64((ownAfter-own).Microseconds())/float64(b.N) + r.cpuPostgres
		r.p50, r.p99 = percentiles(latencies)
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	if k.after != nil {
		if err := k.after(ctx); err != nil {
			return err
		}
	}
	k.results = append(k.results, r)
	fmt.Fprintf(os.Stderr, "%-40s %10.0f calls/s  p99 %.2f ms\n", k.name, r.calls, r.p99*1e3)
	return nil
}

func percentiles(latencies [][]time.Duration) (p50, p99 float64) {
	all := slices.Concat(latencies...)
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2].Seconds(), all[len(all)*99/100].Seconds()
}

// cpu returns the CPU time that this process and the private PostgreSQL have used.
func (s *suite) cpu() (own, postgres time.Duration) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err == nil {
		own = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	if s.server.private != nil {
		postgres = treeCPU(s.server.private.Dir())
	}
	return own, postgres
}

// ticksPerSecond is USER_HZ, which is 100 on every Linux that Go runs on (proc(5)).
const ticksPerSecond = 100

// treeCPU sums what the server in dir and its children, the dead included, have used. 0 where there is no
// /proc.
func treeCPU(dir string) time.Duration {
	postmaster := ""
	for _, pattern := range []string{"postmaster.pid", "*/postmaster.pid"} {
		matches, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, m := range matches {
			if b, err := os.ReadFile(m); err == nil {
				postmaster, _, _ = strings.Cut(string(b), "\n")
			}
		}
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	ticks := 0
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid := filepath.Base(filepath.Dir(path))
		_, rest, _ := strings.Cut(string(b), ") ") // the name before may hold anything
		f := strings.Fields(rest)
		if len(f) < 15 || pid != postmaster && f[1] != postmaster {
			continue
		}
		for _, i := range []int{11, 12, 13, 14} { // utime, stime, and those of waited-for children
			n, _ := strconv.Atoi(f[i])
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}
