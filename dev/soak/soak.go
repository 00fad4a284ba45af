package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/progress"
)

// Options says how to soak. Orderloom is required.
type Options struct {
	// Orderloom is the path of the product's program.
	Orderloom string
	// Duration is how long orders are placed and processes killed; 0 for a minute. Orders under way are then
	// taken to their end.
	Duration time.Duration
	// Seed decides what is ordered, and whom it hits when; 0 draws one. It repeats the choices, not the races.
	Seed uint64
	// Roles are the processes to run; empty for two of "all".
	Roles []string
	// Buyers is how many orders are under way at once; 0 for 12.
	Buyers int
	// KillEvery is the mean time between two kills; 0 for 10 s.
	KillEvery time.Duration
	// Given are servers that are there already; the others are started. They have to be empty.
	Given stack.Addresses
	// Log is told how it goes; nil tells nobody.
	Log progress.Log
}

// Report says what has happened.
type Report struct {
	Seed    uint64         `json:"seed"`
	Seconds float64        `json:"seconds"`
	Broker  string         `json:"broker"`
	Orders  int            `json:"orders"`
	Lives   map[string]int `json:"lives"`
	// Kills are the processes that were killed, Retries the requests that had to be made again because of it.
	Kills   int `json:"kills"`
	Retries int `json:"retries"`
	// Verified is what "orderloom verify" has compared.
	Verified verified `json:"verified"`
	// Faults is what the audit has found, at most faultsMax of it.
	Faults []string `json:"faults,omitempty"`
}

// Limits.
const (
	durationDefault  = time.Minute
	buyersDefault    = 12
	killEveryDefault = 10 * time.Second
	// patience is how long an order may take from one step to the next while processes die. The audit waits as long
	// for what is still under way.
	patience     = 2 * time.Minute
	tellInterval = 10 * time.Second
	// What is shown of what the audit finds.
	faultsMax     = 20
	faultBytesMax = 1000
)

// ErrFaults says that the audit has found something.
var ErrFaults = errors.New("the audit has found faults")

// Run starts everything, soaks, audits, and stops everything. It fails with [ErrFaults] when the audit finds
// something; the report then says what.
//
// It was seen to fail, in the first minute or two with a kill every 3 s, without
//
//   - "case e.Version <= version" in the projector's session.apply, since what comes again after a kill between
//     transaction and commit of the offsets is applied twice;
func Run(ctx context.Context, o Options) (report Report, err error) {
	o = o.withDefaults()
	begun := time.Now()
	s := &soak{options: o, books: newBooks()}
	s.report = Report{Seed: o.Seed, Broker: "embedded"}
	if o.Given.KafkaBrokers != "" {
		s.report.Broker = o.Given.KafkaBrokers
	}
	defer func() { err = errors.Join(err, s.stop(context.WithoutCancel(ctx))) }()
	if err := s.start(ctx); err != nil {
		return s.report, err
	}
	if err := s.load(ctx); err != nil {
		return s.report, err
	}
	if err := s.audit(ctx); err != nil {
		return s.report, err
	}
	s.report.Seconds = time.Since(begun).Seconds()
	if len(s.report.Faults) > 0 {
		return s.report, ErrFaults
	}
	return s.report, nil
}

func (o Options) withDefaults() Options {
	if o.Duration == 0 {
		o.Duration = durationDefault
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()%1_000_000 + 1
	}
	if len(o.Roles) == 0 {
		o.Roles = []string{"all", "all"}
	}
	if o.Buyers == 0 {
		o.Buyers = buyersDefault
	}
	if o.KillEvery == 0 {
		o.KillEvery = killEveryDefault
	}
	if o.Log == nil {
		o.Log = progress.Silent
	}
	return o
}

type soak struct {
	options Options
	report  Report
	dir     string
	stack   *stack.Stack
	fleet   *fleet
	books   *books
}

// start brings up the servers, sets them up, and starts the processes.
func (s *soak) start(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "orderloom-soak-"); err != nil {
		return err
	}
	if s.stack, err = stack.Start(ctx, stack.Options{Given: s.options.Given, Log: s.options.Log}); err != nil {
		return err
	}
	s.fleet = newFleet(s.options, s.dir, s.stack.Environment())
	if out, err := s.fleet.command(ctx, "setup"); err != nil {
		return fmt.Errorf("set up the platform: %w: %s", err, out)
	}
	return s.fleet.start(ctx)
}

func (s *soak) stop(ctx context.Context) error {
	var err error
	if s.fleet != nil {
		err = s.fleet.stop(ctx)
	}
	if s.stack != nil {
		err = errors.Join(err, s.stack.Stop(ctx))
	}
	if s.dir != "" && len(s.report.Faults) == 0 && err == nil {
		return os.RemoveAll(s.dir)
	}
	s.options.Log("the logs are kept in %s", s.dir)
	return err
}

// load lets buyers buy while processes die, and returns when every order that was begun has ended.
func (s *soak) load(ctx context.Context) error {
	shop, err := newShop(s.fleet)
	if err != nil {
		return err
	}
	if err := s.fillShelves(ctx, shop); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	deadline := time.Now().Add(s.options.Duration)
	s.options.Log("seed %d: %d buyers and %v, of which one is killed every %s on average, for %s",
		s.options.Seed, s.options.Buyers, s.options.Roles, s.options.KillEvery, s.options.Duration)
	var all sync.WaitGroup
	for i := range s.options.Buyers {
		all.Go(func() {
			b := &buyer{shop: shop, books: s.books, random: rand.New(rand.NewPCG(s.options.Seed, uint64(i)+1)), name: fmt.Sprintf("%d-%d", s.options.Seed, i)}
			for n := 0; time.Now().Before(deadline) && ctx.Err() == nil; n++ {
				if err := b.live(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Go(func() {
		if err := s.fleet.killUntil(ctx, deadline); err != nil {
			cancel(err)
		}
	})
	told := make(chan struct{})
	go func() { s.tell(ctx); close(told) }()
	all.Wait()
	err = context.Cause(ctx)
	cancel(nil)
	<-told
	s.report.Orders, s.report.Lives = s.books.counts()
	s.report.Kills, s.report.Retries = int(s.fleet.kills.Load()), int(shop.transport.retries.Load())
	return err
}

// tell says how it goes.
func (s *soak) tell(ctx context.Context) {
	t := time.NewTicker(tellInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			placed, _ := s.books.counts()
			s.options.Log("%d orders, %d kills", placed, s.fleet.kills.Load())
		}
	}
}

// fillShelves puts goods into stock that last for the whole soak.
func (s *soak) fillShelves(ctx context.Context, shop *shop) error {
	for i := range goods {
		for _, g := range []struct {
			sku, location string
			quantity      int
		}{{local(i), here, shelf}, {far(i), elsewhere, shelf}} {
			if err := shop.receive(ctx, s.books, g.sku, g.location, g.quantity, "first-"+g.sku); err != nil {
				return err
			}
		}
	}
	return shop.receive(ctx, s.books, rare, here, 1, "first-"+rare)
}
