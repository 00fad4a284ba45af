package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orderloom/orderloom/bench/rig"
)

// growth measures what an order costs with few orders in the store and the views, and with many.
func growth(ctx context.Context, r *rig.Rig, p plan, floor *floor, orders *orders) error {
	inFlight := p.inFlight[len(p.inFlight)-1]
	before, err := costOf(ctx, r, p, inFlight, floor, orders)
	if err != nil {
		return err
	}
	few := len(orders.accepted)
	if err := r.Fill(ctx, p.grow); err != nil {
		return err
	}
	if orders.shop, err = r.Shop(); err != nil {
		return err
	}
	// Warm again: the platform is a new process.
	if _, err := closedLoop(ctx, r, orders, inFlight, p.ramp, p.window/2); err != nil {
		return err
	}
	after, err := costOf(ctx, r, p, inFlight, floor, orders)
	if err != nil {
		return err
	}
	fmt.Printf("\n%12s orders  %8s  %8s  CPU-ms each: %7s  %8s\n", "", "/s", "of floor", "ours", "all")
	fmt.Printf("%12d         %8.1f  %8.2f               %7.1f  %8.1f\n", few, before.rate, before.ofFloor, before.ours, before.all)
	fmt.Printf("%12d         %8.1f  %8.2f               %7.1f  %8.1f\n", p.grow+few, after.rate, after.ofFloor, after.ours, after.all)
	_, most := r.Memory()
	line, err := json.Marshal(map[string]any{
		"orders_before": few, "orders_added": p.grow, "cpu_growth": round(after.all / before.all), "own_cpu_growth": round(after.ours / before.ours),
		"floor_ratio_growth": round(after.ofFloor / before.ofFloor), "memory_mb": most >> 20, "failed": len(orders.failed),
	})
	fmt.Printf("\n%s\n", line)
	return err
}

// cost is what an order costs: ours is the platform's process and its part of PostgreSQL.
type cost struct{ rate, ofFloor, ours, all float64 }

func costOf(ctx context.Context, r *rig.Rig, p plan, inFlight int, floor *floor, orders *orders) (cost, error) {
	out := newReport(r, p)
	for range p.rounds {
		for _, work := range []workload{floor, orders} {
			m, err := closedLoop(ctx, r, work, inFlight, p.ramp, p.window)
			if err != nil {
				return cost{}, err
			}
			out.closed(m)
		}
	}
	var sum rig.CPU
	var n int64
	for _, m := range out.of(workloadOrders, inFlight) {
		sum, n = sum.Plus(m.spent), n+m.completed
	}
	return cost{
		rate: median(rates(out.of(workloadOrders, inFlight))), ofFloor: out.ratio(inFlight, workloadFloor, measurement.rate),
		ours: each(sum.Ours+sum.PostgresOurs, n), all: each(sum.Ours+sum.Postgres+sum.Temporal+sum.Kafka, n),
	}, nil
}
