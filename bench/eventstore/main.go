// Command eventstore measures the event store against what PostgreSQL itself can do. Both run on the same server in
// the same run, with fsync and synchronous_commit on.
//
//	make bench-eventstore                      # all of it, about 25 minutes
//	go -C bench run ./eventstore -growth 0        # without the 20 million events
//	go -C bench run ./eventstore -run hot -rounds 1
//
// Each case runs in Go's benchmark harness ([testing.Benchmark]) several times, and the median counts. The cases are
// interleaved, so that a slow minute of the machine affects all alike. The last line of output is one JSON object
// with the ratios that the design aims at.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/orderloom/orderloom/migrations"
)

// URLVariable names a PostgreSQL to measure on, instead of a private one: a database that may be filled.
const urlVariable = "ORDERLOOM_BENCH_DATABASE_URL"

type config struct {
	rounds int
	growth int
	run    *regexp.Regexp
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	testing.Init()
	rounds := flag.Int("rounds", 5, "how often each case runs; the median counts")
	benchtime := flag.Duration("time", time.Second, "how long each run takes at least")
	growth := flag.Int("growth", 20_000_000, "how many events there are when growth is measured; 0 leaves it out")
	run := flag.String("run", "", "runs only the cases whose name matches this regular expression")
	flag.Parse()
	expression, err := regexp.Compile(*run)
	if err == nil {
		err = flag.Set("test.benchtime", benchtime.String())
	}
	if err == nil {
		err = bench(ctx, config{rounds: *rounds, growth: *growth, run: expression})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/eventstore:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, c config) error {
	server, err := start(ctx)
	if err != nil {
		return err
	}
	defer server.stop(ctx)
	pool, err := server.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrations.Apply(ctx, pool); err != nil {
		return err
	}
	s, err := newSuite(ctx, pool, server)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	if err := describe(ctx, pool); err != nil {
		return err
	}
	if err := s.runAll(ctx, c); err != nil {
		return err
	}
	if c.growth > 0 {
		if err := s.grow(ctx, c.growth, c.rounds); err != nil {
			return err
		}
	}
	s.report()
	return json.NewEncoder(os.Stdout).Encode(s.ratios())
}

// server is the PostgreSQL to measure on.
type server struct {
	url     string
	private *pgserver.Server
}

func start(ctx context.Context) (*server, error) {
	if url := os.Getenv(urlVariable); url != "" {
		return &server{url: url}, nil
	}
	private, err := pgserver.Start(ctx, pgserver.Options{Settings: map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"shared_buffers": "2GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min", "autovacuum_naptime": "1min",
		"max_connections": "200",
	}})
	if err != nil {
		return nil, err
	}
	return &server{url: private.URL("postgres"), private: private}, nil
}

func (s *server) stop(ctx context.Context) {
	if s.private != nil {
		_ = s.private.Stop(context.WithoutCancel(ctx)) // its directory is temporary
	}
}

// connectionsMax is enough for 64 writers that have a connection each.
const connectionsMax = 72

func (s *server) pool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = connectionsMax
	return pgxpool.NewWithConfig(ctx, config)
}

func describe(ctx context.Context, pool *pgxpool.Pool) error {
	var version, fsync, commit string
	const sql = "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')"
	if err := pool.QueryRow(ctx, sql).Scan(&version, &fsync, &commit); err != nil {
		return err
	}
	if fsync != "on" || commit != "on" {
		return fmt.Errorf("fsync is %s and synchronous_commit %s: figures would mean nothing", fsync, commit)
	}
	fmt.Printf("PostgreSQL %s, fsync and synchronous_commit on; %s, %d cores\n\n", version, runtime.Version(), runtime.NumCPU())
	return nil
}

// runAll runs all the cases round by round.
func (s *suite) runAll(ctx context.Context, c config) error {
	for round := range c.rounds {
		for _, k := range s.cases {
			if !c.run.MatchString(k.name) {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := s.measure(ctx, k); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d done\n", round+1, c.rounds)
	}
	return nil
}

// report prints a row for each case.
func (s *suite) report() {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "case\tcalls/s\tevents/s\tp50 ms\tp99 ms\tCPU ms per 1000 calls\tof that PostgreSQL\t")
	for _, k := range s.cases {
		r := k.median()
		if r.calls == 0 {
			continue
		}
		fmt.Fprintf(out, "%s\t%.0f\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t\n", k.name, r.calls, r.calls*float64(k.events), r.p50*1e3, r.p99*1e3, r.cpu, r.cpuPostgres)
	}
	_ = out.Flush()
	fmt.Println()
}

// result is what one run of a case gave.
type result struct {
	calls       float64 // per second
	p50, p99    float64 // seconds
	cpu         float64 // milliseconds per thousand calls, of everything
	cpuPostgres float64
}

// kase is one thing to measure. (case is a word of the language.)
type kase struct {
	name    string
	writers int
	events  int                             // per call
	before  func(ctx context.Context) error // and after: nil where there is nothing to do
	after   func(ctx context.Context) error
	call    func(ctx context.Context, writer int) error
	results []result
}

// median returns the median of each figure.
func (k *kase) median() result {
	if len(k.results) == 0 {
		return result{}
	}
	of := func(figure func(result) float64) float64 {
		var all []float64
		for _, r := range k.results {
			all = append(all, figure(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return result{
		calls: of(func(r result) float64 { return r.calls }), p50: of(func(r result) float64 { return r.p50 }),
		p99: of(func(r result) float64 { return r.p99 }), cpu: of(func(r result) float64 { return r.cpu }),
		cpuPostgres: of(func(r result) float64 { return r.cpuPostgres }),
	}
}
