package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

// The names of workloads.
const (
	workloadFloor     = "floor"
	workloadOrders    = "orders"
	workloadFull      = "full"
	workloadReference = "reference"
)

// workload is a kind of work that is carried out many times.
type workload interface {
	name() string
	// begin prepares a turn; end releases what that took.
	begin() error
	end()
	// runOne carries out one piece of work. It keeps failures to itself, for the audit.
	runOne(ctx context.Context, due time.Time, took *latencies)
}

// measurement is the result of a turn.
type measurement struct {
	workload  string
	inFlight  int
	completed int64
	took      time.Duration
	spent     rig.CPU
	latencies *latencies
}

func (m measurement) rate() float64 { return float64(m.completed) / m.took.Seconds() }

// finishTimeout bounds one piece of work, from its begin to its end.
const finishTimeout = time.Minute

// closedLoop keeps a number of pieces of work in flight. It counts what is completed within the window, and the
// processor time within it.
func closedLoop(ctx context.Context, r *rig.Rig, w workload, inFlight int, ramp, window time.Duration) (measurement, error) {
	m := measurement{workload: w.name(), inFlight: inFlight, latencies: newLatencies()}
	if err := w.begin(); err != nil {
		return m, err
	}
	defer w.end()
	var completed atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	for range inFlight {
		all.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				one, cancel := context.WithTimeout(ctx, finishTimeout)
				w.runOne(one, time.Now(), m.latencies)
				cancel()
				completed.Add(1)
			}
		})
	}
	sleep(ctx, ramp)
	m.latencies.reset()
	begun, before, done := time.Now(), r.CPU(), completed.Load()
	sleep(ctx, window)
	m.completed, m.took, m.spent = completed.Load()-done, time.Since(begun), r.CPU().Since(before)
	over.Store(true)
	all.Wait()
	return m, ctx.Err()
}

// openLoop starts one piece of work whenever it is due, however many are under way, and measures from when it was
// due. So a system that stalls is charged for all work that came due meanwhile.
func openLoop(ctx context.Context, r *rig.Rig, w workload, rate float64, length time.Duration) (measurement, error) {
	m := measurement{workload: w.name(), latencies: newLatencies()}
	if err := w.begin(); err != nil {
		return m, err
	}
	defer w.end()
	var all sync.WaitGroup
	begun, before := time.Now(), r.CPU()
	total := int64(rate * length.Seconds())
	for i := range total {
		due := begun.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		sleep(ctx, time.Until(due))
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			one, cancel := context.WithTimeout(ctx, finishTimeout)
			defer cancel()
			w.runOne(one, due, m.latencies)
		})
	}
	all.Wait()
	m.completed, m.took, m.spent = total, time.Since(begun), r.CPU().Since(before)
	return m, ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
