package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

// report gathers what was measured and prints it.
type report struct {
	rig      *rig.Rig
	plan     plan
	turns    []measurement
	openLoop measurement
	openRate float64
	idleCPU  rig.CPU // of a second
	visible  quantiles
	ends     ends
	shape    shape
	begun    time.Time
}

func newReport(r *rig.Rig, p plan) *report { return &report{rig: r, plan: p, begun: time.Now()} }

// idleLength is how long the platform is watched at rest.
const idleLength = 5 * time.Second

// idle measures what the platform and the servers cost at rest. The floor pays that as well.
func (r *report) idle(ctx context.Context) error {
	before := r.rig.CPU()
	sleep(ctx, idleLength)
	spent := r.rig.CPU().Since(before)
	r.idleCPU = rig.CPU{
		Temporal: spent.Temporal / 5, Ours: spent.Ours / 5, Kafka: spent.Kafka / 5, Postgres: spent.Postgres / 5,
		PostgresTemporal: spent.PostgresTemporal / 5, PostgresOurs: spent.PostgresOurs / 5, Driver: spent.Driver / 5,
	}
	return ctx.Err()
}

func (r *report) closed(m measurement) {
	r.turns = append(r.turns, m)
	fmt.Printf("# %-9s %2d in flight: %5.1f/s\n", m.workload, m.inFlight, m.rate())
}

func (r *report) open(m measurement, rate float64) { r.openLoop, r.openRate = m, rate }

func (r *report) of(workload string, inFlight int) (found []measurement) {
	for _, m := range r.turns {
		if m.workload == workload && m.inFlight == inFlight {
			found = append(found, m)
		}
	}
	return found
}

// highest is the largest median rate of orders.
func (r *report) highest() float64 {
	best := 0.0
	for _, n := range r.plan.inFlight {
		best = max(best, median(rates(r.of(workloadOrders, n))))
	}
	return best
}

func rates(ms []measurement) (out []float64) {
	for _, m := range ms {
		out = append(out, m.rate())
	}
	return out
}

// ratio is the median of the ratios of orders to another workload, round by round.
func (r *report) ratio(inFlight int, to string, of func(measurement) float64) float64 {
	others, orders := r.of(to, inFlight), r.of(workloadOrders, inFlight)
	var out []float64
	for i := range min(len(others), len(orders)) {
		out = append(out, of(orders[i])/of(others[i]))
	}
	return median(out)
}

func temporalEach(m measurement) float64 { return each(m.spent.Temporal, m.completed) }

// allEach is the processor time of all servers and of the platform for one piece of work, in milliseconds.
func allEach(m measurement) float64 {
	s := m.spent
	return each(s.Temporal+s.Ours+s.Kafka+s.Postgres, m.completed)
}

func each(d time.Duration, n int64) float64 { return milliseconds(d) / float64(max(n, 1)) }

func (r *report) print(_ context.Context) error {
	fmt.Printf("\nWhole orders on PostgreSQL (fsync on), Temporal and %s, everything running; %d rounds of %s in turn\n\n",
		r.rig.Broker, r.plan.rounds, r.plan.window)
	fmt.Println("                        /s    CPU-ms each: Temporal   ours  Kafka  PostgreSQL (Temporal's, ours)  driver")
	for _, n := range r.plan.inFlight {
		for _, w := range []string{workloadFloor, workloadOrders, workloadFull, workloadReference} {
			if len(r.of(w, n)) == 0 {
				continue
			}
			r.row(fmt.Sprintf("%s, %d in flight", w, n), r.of(w, n))
		}
	}
	r.row(fmt.Sprintf("orders, open at %.1f/s", r.openRate), []measurement{r.openLoop})
	fmt.Printf("%-20s %7s", "at rest, CPU-ms a s", "")
	spent(r.idleCPU, 1)

	fmt.Println("\nLatency in ms               p50    p95    p99")
	for _, n := range r.plan.inFlight {
		r.latencies(fmt.Sprintf("%d in flight", n), r.of(workloadOrders, n))
	}
	r.latencies("open loop", []measurement{r.openLoop})
	fmt.Printf("%-24s %s   (commit of the event to commit of the view)\n", "  visible in the views", r.visible)

	ratios := map[int]float64{}
	for _, n := range r.plan.inFlight {
		ratios[n] = r.ratio(n, workloadFloor, measurement.rate)
		fmt.Printf("\norders to floor at %d: %.2f, Temporal's CPU %.2f", n, ratios[n], r.ratio(n, workloadFloor, temporalEach))
		if r.plan.full {
			fmt.Printf("; a full order's CPU to an order's %.2f", 1/r.ratio(n, workloadFull, allEach))
		}
		if r.plan.reference != "" {
			fmt.Printf("; to the reference application: %.1f, Temporal's CPU %.2f",
				r.ratio(n, workloadReference, measurement.rate), r.ratio(n, workloadReference, temporalEach))
		}
	}
	now, most := r.rig.Memory()
	fmt.Printf("\nhistory: %d events (at most %d), %d workflow tasks (at most %d), %d bytes\n",
		r.shape.events, r.shape.eventsMax, r.shape.tasks, r.shape.tasksMax, r.shape.bytes)
	fmt.Printf("platform's memory: %d MB now, %d MB at most\n", now>>20, most>>20)
	fmt.Printf("%d orders accepted, %d failed, %d stuck, %d lost; %.0f s\n",
		r.ends.accepted, r.ends.failed, r.ends.stuck, r.ends.lost, time.Since(r.begun).Seconds())
	for i, err := range r.ends.errors {
		if i == 5 {
			break
		}
		fmt.Println("  ", err)
	}
	temporal := 0.0
	for _, n := range r.plan.inFlight {
		temporal = max(temporal, r.ratio(n, workloadFloor, temporalEach))
	}
	figures := map[string]any{
		"orders_vs_floor_8": round(ratios[8]), "orders_vs_floor_32": round(ratios[32]), "temporal_cpu_vs_floor": round(temporal),
		"history_events": r.shape.events, "workflow_tasks": r.shape.tasks, "visibility_p99_ms": round(milliseconds(r.visible.p99)),
		"failed": r.ends.failed, "stuck": r.ends.stuck, "lost": r.ends.lost,
	}
	if r.plan.reference != "" {
		for _, n := range r.plan.inFlight {
			figures[fmt.Sprintf("orders_vs_reference_%d", n)] = round(r.ratio(n, workloadReference, measurement.rate))
		}
	}
	if r.plan.full {
		for _, n := range r.plan.inFlight {
			figures[fmt.Sprintf("full_cpu_vs_orders_%d", n)] = round(1 / r.ratio(n, workloadFull, allEach))
		}
	}
	line, err := json.Marshal(figures)
	fmt.Printf("\n%s\n", line)
	return err
}

func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func (r *report) row(name string, ms []measurement) {
	var sum rig.CPU
	var n int64
	for _, m := range ms {
		sum, n = sum.Plus(m.spent), n+m.completed
	}
	fmt.Printf("%-20s %7.1f", name, median(rates(ms)))
	spent(sum, n)
}

// spent prints the rest of a row: the processor time of each.
func spent(c rig.CPU, n int64) {
	fmt.Printf(" %22.1f %6.1f %6.1f %11.1f (%5.1f, %5.1f) %11.1f\n", each(c.Temporal, n), each(c.Ours, n), each(c.Kafka, n),
		each(c.Postgres, n), each(c.PostgresTemporal, n), each(c.PostgresOurs, n), each(c.Driver, n))
}

func (r *report) latencies(name string, ms []measurement) {
	for _, what := range []string{"accept", "confirm", "dispatch", "deliver", "shown", "whole"} {
		var values []time.Duration
		for _, m := range ms {
			values = append(values, m.latencies.values[what]...)
		}
		if len(values) > 0 {
			fmt.Printf("%-24s %s\n", name+", "+what, quantilesOf(values))
		}
	}
}
