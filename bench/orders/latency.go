package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// latencies are what was measured, by name, every one of them.
type latencies struct {
	mu     sync.Mutex
	values map[string][]time.Duration
}

func newLatencies() *latencies { return &latencies{values: map[string][]time.Duration{}} }

func (l *latencies) add(name string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values[name] = append(l.values[name], d)
}

func (l *latencies) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.values)
}

// quantiles are the 50th, 95th and 99th of a hundred.
type quantiles struct{ p50, p95, p99 time.Duration }

func quantilesOf(values []time.Duration) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	slices.Sort(values)
	at := func(percent int) time.Duration { return values[min(len(values)*percent/100, len(values)-1)] }
	return quantiles{at(50), at(95), at(99)}
}

func (q quantiles) String() string {
	return fmt.Sprintf("%6.0f %6.0f %6.0f", milliseconds(q.p50), milliseconds(q.p95), milliseconds(q.p99))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Clone(values)
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}
