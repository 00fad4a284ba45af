package eventstore

import (
	"context"
	"log/slog"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/prometheus/client_golang/prometheus"
)

// Options of [Open]; the zero value is ready to use.
type Options struct {
	// Logger takes a line when the database fails. Default: nothing is logged.
	Logger *slog.Logger
	// Registerer takes the store's metrics. Default: the store keeps them to itself.
	Registerer prometheus.Registerer
	// AggregateTypes are the types that streams may have. Default: those of the catalog.
	AggregateTypes []string
	// Catalog decodes events for a [Repository]. Default: the platform's.
	Catalog *catalog.Catalog
	// Unprepared makes [Open] leave the database alone: each call finds out whether it can be used. It is for those who
	// look at a database with which something may be wrong.
	Unprepared bool
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AggregateTypes == nil {
		o.AggregateTypes = catalog.AggregateTypes()
	}
	return o
}

// log is what the stores in PostgreSQL and in memory have in common: the flusher, and what is checked before an
// append is queued.
type log struct {
	flusher   *flusher
	types     []string
	catalog   *catalog.Catalog
	snapshots snapshotEngine
}

func (l *log) known(aggregateType string) bool { return slices.Contains(l.types, aggregateType) }

func (l *log) base() *log { return l }

// Append stores the events of all the streams or of none, and returns where they are, stream by stream.
// Concurrent calls share round trips and commits.
//
// It may be repeated with the same events: those that are there already are a success, with their first
// positions. Errors: [ConcurrencyConflict]; [InvalidError]; [ErrOutcomeUnknown] when ctx ended after the
// events were sent; ctx's own error when they were not; [ErrClosed].
func (l *log) Append(ctx context.Context, group ...Append) ([]Appended, error) {
	if len(group) == 0 {
		return nil, nil
	}
	if err := validate(group, l.known); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g := newGroup(group)
	r := &request{ctx: ctx, group: g, events: len(g.events), bytes: g.bytes, streams: make([]StreamID, len(group))}
	for i, a := range group {
		r.streams[i] = a.Stream
	}
	if err := l.flusher.submit(r); err != nil {
		return nil, err
	}
	return g.results(), nil
}

// Wake returns a channel that receives after every flush of this process that may have committed events.
// It is a hint: it does not tell of other processes' commits, so poll as well. Call stop when done.
func (l *log) Wake() (wake <-chan struct{}, stop func()) { return l.flusher.wake.listen() }

// Watch returns a channel that receives once this process has appended to one of the streams with these ids beyond the
// version given with it. It is a hint as that of Wake is. Call stop when done; past must not change before.
func (l *log) Watch(past map[uuid.UUID]int64) (wake <-chan struct{}, stop func()) {
	return l.flusher.wake.watch(past)
}

// Store is the event store in PostgreSQL. Its methods may be called concurrently.
type Store struct {
	log
	pool      *pgxpool.Pool
	engine    *postgres
	highWater *highWater
}

// Open returns the store in the pool's database, which must have been migrated. The store appends over a
// connection of its own, made from the pool's configuration; reads use the pool.
func Open(ctx context.Context, pool *pgxpool.Pool, options Options) (*Store, error) {
	options = options.withDefaults()
	m := newMetrics(options.Registerer)
	s := &Store{pool: pool, engine: newPostgres(pool), highWater: &highWater{pool: pool, metrics: m}}
	s.log = log{types: options.AggregateTypes, catalog: options.Catalog, snapshots: s}
	s.flusher = newFlusher(ctx, s.engine, options.Logger, m)
	if options.Unprepared {
		return s, nil
	}
	// A database that can't be reached now is waited for by each call; one that lacks the schema never works.
	if err := s.engine.ready(ctx); err != nil && !s.engine.retryable(err) {
		return nil, err
	}
	return s, nil
}

// Close refuses further appends, waits for those under way, at most until ctx ends, and gives the
// store's connections back.
func (s *Store) Close(ctx context.Context) error {
	err := s.flusher.close(ctx)
	s.engine.close(ctx)
	s.highWater.close(ctx)
	return err
}
