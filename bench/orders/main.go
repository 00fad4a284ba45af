// Command orders measures whole orders, with every part of the platform running. An order is placed over HTTP,
// confirmed, dispatched, delivered in the read model and closed at the Temporal server. Beside it runs the floor that
// the Temporal server itself sets.
//
//	go -C bench run ./orders            everything, in less than ten minutes
//	go -C bench run ./orders -rounds 1  quicker and rougher
//	go -C bench run ./orders -reference oms  beside Temporal's order reference application, whose program is oms
//	go -C bench run ./orders -full       beside orders of two lines with tax and shipping
//	go -C bench run ./orders -grow 1000000  what an order costs before and after a million were added
//
// The floor is a bare workflow with the same waits: three local activities and two signals. It has the platform's own
// worker settings, worker and client in one process, and eager start. It has almost no payload, and no database but
// Temporal's. It runs in this process, in turn with the orders, on the same servers.
//
// An order is in flight from its request until the read model shows it as delivered and its saga has completed. The
// customer and the warehouse send requests over HTTP: place and wait until it is confirmed, dispatch, deliver. That
// it is delivered is read from the views' table, for all orders at once (package rig).
//
// In the open loop, every other client places its order without waiting. It looks in the views whether the order is
// confirmed, and reads it. With -look, all clients do.
//
// The last line of the output is one JSON object.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

// plan says what is measured and for how long.
type plan struct {
	rounds   int
	window   time.Duration
	ramp     time.Duration
	open     time.Duration
	rate     float64 // of the open loop; 0 is openShare of the highest rate seen
	grow     int     // how many orders to add between two measurements of growth; 0 measures no growth
	inFlight []int
	// reference is the program of Temporal's order reference application, which takes turns too; empty leaves it out.
	reference string
	full      bool          // orders of two lines with tax and shipping take turns too
	rest      time.Duration // for how long the platform is measured at rest; 0 measures orders
	look      bool          // clients don't wait for the answer, but look in the views
}

// openShare is the part of the highest rate at which the open loop runs.
const openShare = 0.7

func main() {
	o := rig.Flags()
	p := plan{inFlight: []int{8, 32}}
	flag.IntVar(&p.rounds, "rounds", 4, "how often floor and orders take turns")
	flag.DurationVar(&p.window, "window", 10*time.Second, "how long each turn is measured")
	flag.DurationVar(&p.ramp, "ramp", 12*time.Second, "how long each turn runs before it is measured; above the 10 s after which timeouts are looked at")
	flag.DurationVar(&p.open, "open", 40*time.Second, "how long the open loop runs")
	flag.Float64Var(&p.rate, "rate", 0, "orders a second of the open loop; 0 is 70 % of the highest rate")
	flag.IntVar(&p.grow, "grow", 0, "measure growth instead: before and after so many orders were added to the store and the views")
	flag.StringVar(&p.reference, "reference", "", "also carry orders with Temporal's order reference application: the program that its cmd/oms builds")
	flag.BoolVar(&p.full, "full", false, "also carry orders of two lines with tax and shipping")
	flag.DurationVar(&p.rest, "rest", 0, "measure the platform at rest for so long instead")
	flag.BoolVar(&p.look, "look", false, "place orders without waiting until they are confirmed, and look in the views for that")
	o.EmbeddedFlag(false)
	o.SettingFlag()
	flag.Parse()
	rig.Main("orders", func(ctx context.Context) error { return run(ctx, *o, p) })
}

func run(ctx context.Context, o rig.Options, p plan) (err error) {
	r, err := rig.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Stop(context.WithoutCancel(ctx))) }()
	if p.rest > 0 {
		return atRest(ctx, r, p.rest)
	}
	watchCtx, stop := context.WithCancel(ctx)
	defer stop()
	watch, err := r.Watch(watchCtx)
	if err != nil {
		return err
	}
	orders, err := newOrders(ctx, r, watch)
	if err != nil {
		return err
	}
	orders.look = p.look
	floor, err := newFloor(r, watch)
	if err != nil {
		return err
	}
	defer floor.close()
	out := newReport(r, p)
	if err := out.idle(ctx); err != nil {
		return err
	}
	if err := warmUp(ctx, r, p, floor, orders); err != nil {
		return err
	}
	if p.grow > 0 {
		return growth(ctx, r, p, floor, orders)
	}
	turns := []workload{floor, orders}
	if p.full {
		turns = append(turns, fullOrders{orders})
	}
	if p.reference != "" {
		reference, err := newReference(r, watch, p.reference)
		if err != nil {
			return err
		}
		turns = append(turns, reference)
	}
	if err := takeTurns(ctx, r, p, turns, out); err != nil {
		return err
	}
	if err := runOpen(ctx, r, p, orders, out); err != nil {
		return err
	}
	if out.ends, err = orders.audit(ctx); err != nil {
		return err
	}
	if out.shape, err = histories(ctx, r, orders.sample()); err != nil {
		return err
	}
	return out.print(ctx)
}

// warmUp runs each part before it counts: prepared statements, caches, the JVM.
func warmUp(ctx context.Context, r *rig.Rig, p plan, works ...workload) error {
	for _, work := range works {
		m, err := closedLoop(ctx, r, work, p.inFlight[len(p.inFlight)-1], p.ramp, p.window/2)
		if err != nil {
			return err
		}
		if len(m.latencies.values["whole"]) == 0 {
			return fmt.Errorf("none of the %s came to its end; run with -keep and read the logs", work.name())
		}
	}
	return nil
}

// takeTurns measures the workloads in turn, round after round.
func takeTurns(ctx context.Context, r *rig.Rig, p plan, turns []workload, out *report) error {
	for range p.rounds {
		for _, inFlight := range p.inFlight {
			for _, work := range turns {
				m, err := closedLoop(ctx, r, work, inFlight, p.ramp, p.window)
				if err != nil {
					return err
				}
				out.closed(m)
			}
		}
		slices.Reverse(turns) // so that a host that becomes slower or faster favours neither
	}
	return nil
}

// runOpen measures orders that come at a set rate.
func runOpen(ctx context.Context, r *rig.Rig, p plan, orders *orders, out *report) error {
	rate := p.rate
	if rate == 0 {
		rate = openShare * out.highest()
	}
	begun := time.Now()
	orders.alternate = true
	m, err := openLoop(ctx, r, orders, rate, p.open)
	if err != nil {
		return err
	}
	out.open(m, rate)
	out.visible, err = visibility(ctx, r, begun)
	return err
}
