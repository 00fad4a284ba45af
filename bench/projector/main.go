// Command projector measures delivery.
//
//	make bench-projector
//	go -C bench run ./projector -orders 5000 -rate 500 -seconds 10
//
// It measures:
//
//   - how fast the projector turns events into views, live and in a rebuild, against the bare upsert of the same
//     rows on the same server;
//   - how long an event takes from its append to a consumer while nothing else goes on;
//   - how long it takes from its append to its view under a sustained load.
//
// PostgreSQL is a private one with fsync on, or that of ORDERLOOM_BENCH_DATABASE_URL. Kafka is that of
// ORDERLOOM_TEST_KAFKA_BROKERS, or an embedded broker in this process, whose work then counts against the projector.
// The last line of output is one JSON object with the figures by name.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/orderloom/orderloom/migrations"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{figures: map[string]float64{}}
	flag.IntVar(&b.orders, "orders", 20_000, "orders to project and to rebuild")
	flag.IntVar(&b.rate, "rate", 1000, "events appended per second under the sustained load")
	flag.IntVar(&b.seconds, "seconds", 20, "how long the load is sustained")
	flag.StringVar(&b.steps, "steps", "store,batches,rebuild,live,consumer,lag", "what to measure; batches, rebuild and live need what stands before them")
	profile := flag.String("cpuprofile", "", "file for a profile of this process")
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // as the product's programs do
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench/projector:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench/projector:", err)
		os.Exit(1)
	}
}

type bench struct {
	orders, rate, seconds int
	steps                 string

	pool    *pgxpool.Pool
	store   *eventstore.Store
	kafka   broker.Config
	events  []domain.Envelope
	figures map[string]float64
}

// batch is how many events the projector takes at once when there are enough.
const batch = 2000

func (b *bench) run(ctx context.Context) error {
	stop, err := b.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	b.events = eventtest.Lives(1, b.orders)
	fmt.Printf("%d orders, %d events, %d CPUs, %s\n", b.orders, len(b.events), runtime.NumCPU(), runtime.Version())
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"store", b.fillStore},
		{"batches", b.projectBatches},
		{"rebuild", b.rebuildAll},
		{"live", b.projectLive},
		{"consumer", b.consume},
		{"lag", b.sustain},
	} {
		if !slices.Contains(strings.Split(b.steps, ","), step.name) {
			continue
		}
		start := time.Now()
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("  (%s took %.1f s)\n", step.name, time.Since(start).Seconds())
		runtime.GC() // what one step has left behind is no work of the next
	}
	return json.NewEncoder(os.Stdout).Encode(b.figures)
}

func (b *bench) set(name string, value float64, format string) {
	b.figures[name] = value
	fmt.Printf("%-40s "+format+"\n", name, value)
}

// start brings up PostgreSQL and a broker.
func (b *bench) start(ctx context.Context) (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range slices.Backward(stops) {
			s()
		}
	}
	url := os.Getenv("ORDERLOOM_BENCH_DATABASE_URL")
	if url == "" {
		server, err := pgserver.Start(ctx, pgserver.Options{Settings: map[string]string{
			"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min",
		}})
		if err != nil {
			return stop, err
		}
		stops = append(stops, func() { _ = server.Stop(context.WithoutCancel(ctx)) })
		url = server.URL("postgres")
	}
	if b.pool, err = pgxpool.New(ctx, url); err != nil {
		return stop, err
	}
	stops = append(stops, b.pool.Close)
	if err = migrations.Apply(ctx, b.pool); err != nil {
		return stop, err
	}
	if b.store, err = eventstore.Open(ctx, b.pool, eventstore.Options{}); err != nil {
		return stop, err
	}
	stops = append(stops, func() { _ = b.store.Close(context.WithoutCancel(ctx)) })
	b.kafka = broker.Config{Group: "bench-" + uuid.NewString(), Partitions: 6, Replication: 1, Retention: 7 * 24 * time.Hour}
	if given := os.Getenv("ORDERLOOM_TEST_KAFKA_BROKERS"); given != "" {
		b.kafka.Brokers = strings.Split(given, ",")
	} else {
		c, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			return stop, err
		}
		stops = append(stops, c.Close)
		b.kafka.Brokers = c.ListenAddrs()
	}
	return stop, broker.EnsureTopics(ctx, b.kafka)
}

// fillStore appends all events, many streams at a time.
func (b *bench) fillStore(ctx context.Context) error {
	start := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, 1)
	// Each worker has streams of its own, whose events it appends in order.
	const workers = 32
	for w := range workers {
		wg.Go(func() {
			for _, e := range b.events {
				if int(e.AggregateID[15])%workers != w {
					continue
				}
				if err := b.append(ctx, e); err != nil {
					select {
					case errs <- err:
					default:
					}
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	b.set("append_events_per_s", float64(len(b.events))/time.Since(start).Seconds(), "%.0f")
	// The events are read back as the store has numbered and written them.
	b.events = b.events[:0]
	for after, more := int64(0), true; more; {
		page, err := b.store.Read(ctx, eventstore.ReadOptions{After: after, Limit: eventstore.PageMax})
		if err != nil {
			return err
		}
		b.events = append(b.events, page.Events...)
		after, more = page.Next, page.More
	}
	return nil
}

func (b *bench) append(ctx context.Context, e domain.Envelope) error {
	return appendTo(ctx, b.store, e)
}

func appendTo(ctx context.Context, store *eventstore.Store, e domain.Envelope) error {
	_, err := store.Append(ctx, eventtest.AppendOf(e))
	return err
}

// statement is one that a transaction has run.
type statement struct {
	sql  string
	args []any
}

// projectBatches folds and writes everything in batches. Then it writes the same rows again without reading, decoding
// or folding anything. The difference is what the projector costs. Both are measured in alternation.
func (b *bench) projectBatches(ctx context.Context) error {
	var projected, raw []time.Duration
	const rounds = 3
	for range rounds {
		if err := b.truncate(ctx); err != nil {
			return err
		}
		var written [][]statement
		m := projector.NewMender(projector.MenderOptions{Pool: b.pool, Source: source{b.store}, Projections: views.All(), Written: func(q *pgx.Batch) {
			var all []statement
			for _, s := range q.QueuedQueries {
				all = append(all, statement{s.SQL, s.Arguments})
			}
			written = append(written, all)
		}})
		start := time.Now()
		for chunk := range slices.Chunk(b.events, batch) {
			if err := m.Project(ctx, chunk); err != nil {
				return err
			}
		}
		projected = append(projected, time.Since(start))
		if err := b.truncate(ctx); err != nil {
			return err
		}
		start = time.Now()
		for _, statements := range written {
			err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
				q := &pgx.Batch{}
				for _, s := range statements {
					q.Queue(s.sql, s.args...)
				}
				return tx.SendBatch(ctx, q).Close()
			})
			if err != nil {
				return err
			}
		}
		raw = append(raw, time.Since(start))
	}
	// The best round of each counts: other work on the machine can only make a round slower.
	n := float64(len(b.events))
	best, bestRaw := slices.Min(projected), slices.Min(raw)
	b.set("project_events_per_s", n/best.Seconds(), "%.0f")
	b.set("raw_upsert_events_per_s", n/bestRaw.Seconds(), "%.0f")
	b.set("project_vs_raw", bestRaw.Seconds()/best.Seconds(), "%.2f")
	return nil
}

func (b *bench) truncate(ctx context.Context) error {
	_, err := b.pool.Exec(ctx, `TRUNCATE orderloom.order_views, orderloom.customer_summaries, orderloom.payment_views, orderloom.stock_levels,
		orderloom.order_timeline, orderloom.order_changes, orderloom.projection_checkpoints, orderloom.parked_streams`)
	return err
}

// rebuildAll rebuilds each projection from the event store.
func (b *bench) rebuildAll(ctx context.Context) error {
	m := maintain.New(projector.NewMender(projector.MenderOptions{Pool: b.pool, Source: source{b.store}, Projections: views.All()}))
	slowest, seconds := 0.0, 0.0
	for _, p := range views.All() {
		report, err := m.Rebuild(ctx, b.store, p.Name(), maintain.RebuildOptions{})
		if err != nil {
			return err
		}
		if err := m.DropOld(ctx, p.Name()); err != nil {
			return err
		}
		for _, d := range report.Diff {
			if d.Different+d.OnlyLive+d.OnlyShadow > 0 {
				return fmt.Errorf("the rebuilt %s differs: %+v", d.Table, d)
			}
		}
		seconds += report.Seconds
		rate := float64(report.Events) / report.Seconds
		b.set("rebuild_"+p.Name()+"_events_per_s", rate, "%.0f")
		if slowest == 0 || rate < slowest {
			slowest = rate
		}
	}
	b.set("rebuild_events_per_s", slowest, "%.0f")
	// All four one after the other, as the raw upsert writes all of them.
	all := float64(len(b.events)) / seconds
	b.set("rebuild_all_events_per_s", all, "%.0f")
	b.set("rebuild_vs_raw", all/b.figures["raw_upsert_events_per_s"], "%.2f")
	return nil
}

// projectLive publishes everything to Kafka and measures how long a projector takes for it.
func (b *bench) projectLive(ctx context.Context) error {
	if err := b.truncate(ctx); err != nil {
		return err
	}
	writer := broker.NewWriter(b.kafka)
	defer func() { _ = writer.Close() }()
	start := time.Now()
	for chunk := range slices.Chunk(b.events, batch) {
		if _, err := writer.Publish(ctx, chunk); err != nil {
			return err
		}
	}
	b.set("publish_events_per_s", float64(len(b.events))/time.Since(start).Seconds(), "%.0f")
	stop, err := b.runProjector(ctx, nil)
	if err != nil {
		return err
	}
	defer stop()
	var first time.Time
	for {
		var n int
		if err := b.pool.QueryRow(ctx, `SELECT coalesce(sum(next_offset), 0) FROM orderloom.projection_checkpoints`).Scan(&n); err != nil {
			return err
		}
		if n > 0 && first.IsZero() {
			first = time.Now() // joining the group is no work
		}
		if n >= len(b.events) {
			break
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	live := float64(len(b.events)) / time.Since(first).Seconds()
	b.set("live_events_per_s", live, "%.0f")
	b.set("live_vs_raw", live/b.figures["raw_upsert_events_per_s"], "%.2f")
	return nil
}

func (b *bench) runProjector(ctx context.Context, cache projector.Invalidator) (stop func(), err error) {
	p, err := projector.New(projector.Options{Pool: b.pool, Source: source{b.store}, Projections: views.All(), Broker: b.kafka, Cache: cache})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return func() { cancel(); drop(<-done) }, nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drop ends with an error that nobody cares for any more.
func drop(error) {}

// source adapts the event store.
type source struct{ *eventstore.Store }

// Load implements [projector.EventSource].
func (s source) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.Store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}
