// Command abuse shows that one abusive caller leaves the others alone. It runs the whole platform, with keys. An honest
// caller reads orders, follows the feed and places orders, at a steady rate. Beside it an abusive caller does one thing
// after the other that could take what belongs to all: [kinds] lists them.
//
//	go -C bench run ./abuse
//
// Quiet and abuse alternate, in two rounds. What the honest caller waits in an abuse is compared with what it waits in
// the quiet right before and right after. The command fails when an abuse more than doubles that, and when a request
// of the honest caller fails. It also fails when the platform's memory grows by more than [memoryMax], or when nothing
// of an abuse was refused.
//
// The abusive caller is a process of its own, at the lowest priority, which calls from another address of the loopback.
// So what it takes is what the platform spends on it. A request is sent when it is due, and its time counts from then.
//
// The last line of the output is one JSON object.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"strings"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

// The callers, by the names of their keys.
const (
	honest  = "honest"
	abusive = "abusive"
	office  = "office"
	watcher = "watcher"
)

// roles are those of the callers.
var roles = map[string]string{honest: "storefront", abusive: "support", office: "admin", watcher: "metrics"}

// secret is the key of a caller.
func secret(caller string) string { return caller + "-key" }

// plan says what is measured, and for how long.
type plan struct {
	rounds       int
	quiet, abuse time.Duration
	orders       int
	only         string
	pollRate     int
	readRate     int
	orderRate    int
	bound        time.Duration
}

func main() {
	o := rig.Flags()
	var p plan
	var child childOptions
	flag.IntVar(&p.rounds, "rounds", 2, "how often each abuse is tried")
	flag.DurationVar(&p.quiet, "quiet", 1600*time.Millisecond, "how long the honest caller is measured between two abuses")
	flag.DurationVar(&p.abuse, "abuse", 2600*time.Millisecond, "how long it is measured in an abuse")
	flag.IntVar(&p.orders, "orders", 20_000, "orders in the store and the views, so that lists are long")
	flag.StringVar(&p.only, "only", "", "try only abuses whose names contain this")
	flag.IntVar(&p.readRate, "reads", 150, "orders that the honest caller reads a second")
	flag.IntVar(&p.pollRate, "polls", 50, "pages of the feed that it reads a second")
	flag.IntVar(&p.orderRate, "placed", 4, "orders that it places a second")
	flag.DurationVar(&p.bound, "bound", 220*time.Second, "the run is given up after so long")
	o.SettingFlag()
	flag.StringVar(&child.kind, "as", "", "be the abusive caller of this kind; for the command itself")
	flag.StringVar(&child.url, "url", "", "the platform that the abusive caller calls")
	flag.StringVar(&child.order, "order", "", "an order that is there")
	flag.Parse()
	o.Embedded = true
	do := func(ctx context.Context) error { return run(ctx, *o, p) }
	if child.kind != "" {
		do = func(ctx context.Context) error { return beAbusive(ctx, child) }
	}
	rig.Main("abuse", do)
}

func run(ctx context.Context, o rig.Options, p plan) (err error) {
	o.Environment = append(settings(), o.Environment...)
	r, err := rig.Start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Stop(context.WithoutCancel(ctx))) }()
	ctx, cancel := context.WithTimeoutCause(ctx, p.bound, errors.New("the run takes too long"))
	defer cancel()
	load, err := prepare(ctx, r, p)
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	done := load.start(working, p)
	defer func() { stop(); <-done }()
	report := newReport(p)
	if err := tryAll(ctx, r, load, p, report); err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return report.judge()
}

// settings close the platform, with a key for each caller. All limits are what they are by default, but for the rate of
// orders. That has to fit what the machine carries, which is some twenty a second here.
func settings() []string {
	var keys []string
	for caller, role := range roles {
		sum := sha256.Sum256([]byte(secret(caller)))
		keys = append(keys, caller+":"+hex.EncodeToString(sum[:])+":"+role)
	}
	return []string{
		"ORDERLOOM_API_OPEN=no", "ORDERLOOM_API_KEYS=" + strings.Join(keys, ","),
		"ORDERLOOM_HTTP_RATE=250", "ORDERLOOM_HTTP_BURST=500", "ORDERLOOM_HTTP_ORDER_RATE=5",
	}
}
