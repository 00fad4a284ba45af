// Command access measures what it costs to know who calls. It reads an order with a key, beside a bare gin handler that
// answers with the same bytes. It places orders with a key, beside a platform that is open.
//
//	go -C bench run ./access
//
// "Cached" is one of a hundred orders, which the platform's cache has, beside a handler that has the bytes in memory.
// "Not cached" is another order each time, beside a handler that makes one query with pgx for the same column. Both
// sides take turns, over as many connections.
//
// Orders are placed at two processes of the role api, one of which is open. The sagas run elsewhere. So the processor
// time is that of the API alone, of which the key has to be a small part.
//
// The last line of the output is one JSON object. It names the aims that are missed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

// plan says what is measured, and for how long.
type plan struct {
	rounds      int
	window      time.Duration
	connections int
	orders      int
	placed      int
	settings    []string // of the platform with a key
}

// The aims: requests a second to those of the bare handler, and processor time of an order with a key to that without
// one.
const (
	readsMin  = 0.6
	placedMax = 1.05
)

func main() {
	o := rig.Flags()
	var p plan
	var serve bool
	flag.IntVar(&p.rounds, "rounds", 5, "how often both sides take turns")
	flag.DurationVar(&p.window, "window", 1500*time.Millisecond, "how long each turn is")
	flag.IntVar(&p.connections, "connections", 8, "connections that requests come over")
	flag.IntVar(&p.orders, "orders", 100_000, "orders in the views")
	flag.IntVar(&p.placed, "placed", 150, "orders that are placed in each turn")
	flag.Func("setting", "a setting of the platform with a key, NAME=value; may be repeated", func(s string) error {
		p.settings = append(p.settings, s)
		return nil
	})
	flag.BoolVar(&serve, "serve", false, "be the bare handler; for the command itself")
	flag.Parse()
	o.Embedded = true
	do := func(ctx context.Context) error { return run(ctx, *o, p) }
	if serve {
		do = func(ctx context.Context) error { return serveBare(ctx, os.Getenv("DATABASE_URL")) }
	}
	rig.Main("access", do)
}

func run(ctx context.Context, o rig.Options, p plan) (err error) {
	r, err := rig.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Stop(context.WithoutCancel(ctx))) }()
	if err := fill(ctx, r, p); err != nil {
		return err
	}
	keyed, err := r.RunRole(ctx, "keyed", "api", append(keys(), p.settings...)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keyed.Stop(context.WithoutCancel(ctx))) }()
	open, err := r.RunRole(ctx, "open", "api")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, open.Stop(context.WithoutCancel(ctx))) }()
	bare, stop, err := startBare(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	reads, err := measureReads(ctx, r, p, keyed, bare)
	if err != nil {
		return err
	}
	placed, err := measurePlacing(ctx, p, keyed, open)
	if err != nil {
		return err
	}
	return judge(reads, placed)
}

// judge prints the result, and which aims are missed.
func judge(reads map[string]*pair, placed float64) error {
	out, missed := map[string]any{"placed_with_key_to_open": round(placed)}, []string{}
	for _, name := range []string{cached, notCached} {
		ratio := median(reads[name].ratios)
		out[name+"_to_gin"] = round(ratio)
		if ratio < readsMin {
			missed = append(missed, name)
		}
	}
	if placed > placedMax {
		missed = append(missed, "placed")
	}
	out["missed"] = missed
	line, err := json.Marshal(out)
	fmt.Printf("\n%s\n", line)
	return err
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func round(f float64) float64 { return math.Round(f*1000) / 1000 }
