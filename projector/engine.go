package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/readmodel"
)

// EventSource is the event store, for the events that Kafka does not bring.
type EventSource interface {
	// Load returns the events of a stream with a version above after, in order; none for a stream that does
	// not exist.
	Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error)
	// Check reports whether a consumer may go on from its cursor, and which store this is.
	Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error)
}

// Engine applies events to projections. What is live, swept, parked or rebuilt all goes through it.
type Engine struct {
	pool        *pgxpool.Pool
	source      EventSource
	projections []Projection
	catalog     *catalog.Catalog
	log         *slog.Logger
	metrics     *metrics
	written     func(*pgx.Batch)
}

// Pool is the database of the views.
func (g *Engine) Pool() *pgxpool.Pool { return g.pool }

// Source is the event store.
func (g *Engine) Source() EventSource { return g.source }

// Projections are those that the engine keeps.
func (g *Engine) Projections() []Projection { return g.projections }

// Projection returns the projection with a name. Errors: unknown_projection.
func (g *Engine) Projection(name string) (Projection, error) {
	for _, p := range g.projections {
		if p.Name() == name {
			return p, nil
		}
	}
	return nil, domain.Refuse(CodeUnknownProjection, "there is no projection %q", name)
}

// CodeUnknownProjection refuses the name of a projection that does not exist.
const CodeUnknownProjection domain.ErrorCode = "unknown_projection"

// Work is what one transaction has to do.
type Work struct {
	Place       Place
	Projections []Projection
	// Events are in the order in which they are to be applied. Those of one stream are in the order of its
	// versions, except where a topic was replayed.
	Events []Incoming
	// Keys are streams to be brought up to date from the event store, with or without events.
	Keys []Key
	// Also is written in the same transaction, if it is set.
	Also func(q *pgx.Batch)
	// Unpark applies events to aggregates that are parked as well.
	Unpark bool
	// Discarded are events to be left out.
	Discarded map[EventKey]bool
}

// EventKey names an event by its stream and version.
type EventKey struct {
	AggregateID uuid.UUID
	Version     int64
}

// Result says what a transaction has done.
type Result struct {
	Applied, Skipped int
	// Repaired counts the events that were missing and came from the event store.
	Repaired int
	Parked   []Parking
	Changed  []readmodel.OrderVersion
	// counts are to be counted after the commit.
	counts []CountedBatch
}

// Parking is an event that can't be applied to a projection.
type Parking struct {
	Projection string
	Key        Key
	Event      domain.Envelope
	Err        error
}

func (r *Result) add(o Result) {
	r.Applied += o.Applied
	r.Skipped += o.Skipped
	r.Repaired += o.Repaired
	r.Parked = append(r.Parked, o.Parked...)
	r.Changed = append(r.Changed, o.Changed...)
	r.counts = append(r.counts, o.counts...)
}

// Process does the work in one transaction of its own, and counts it. When the database refuses the data, it does the
// work stream by stream, and parks the streams that are refused.
func (g *Engine) Process(ctx context.Context, w Work) (Result, error) {
	start := time.Now()
	r, err := g.apply(ctx, w)
	if err != nil && DataFault(err) {
		g.log.WarnContext(ctx, "batch refused by the database, going on stream by stream", "error", err)
		r, err = g.isolate(ctx, w)
	}
	if err != nil {
		return Result{}, err
	}
	g.metrics.observe(r, len(w.Events), time.Since(start))
	for _, b := range r.counts {
		b.Count()
	}
	for _, p := range r.Parked {
		g.log.ErrorContext(ctx, "aggregate parked: an event can't be applied", "projection", p.Projection,
			"aggregate_type", p.Key.AggregateType, "aggregate_id", p.Key.AggregateID, "event_id", p.Event.EventID,
			"event_type", p.Event.EventType, "version", p.Event.Version, "error", p.Err)
	}
	return r, nil
}

// attemptsMax is how often a batch is done again at once, because a rival was first or the database asked for it. Then
// the error goes to the caller, who waits before the next attempt.
const attemptsMax = 5

// apply does the work in one transaction, again if need be.
func (g *Engine) apply(ctx context.Context, w Work) (Result, error) {
	for attempt := 1; ; attempt++ {
		r, err := g.applyOnce(ctx, w)
		if err == nil || attempt == attemptsMax || !retryAtOnce(err) {
			return r, err
		}
	}
}

// ErrRaced is the error of a batch when another projector has created one of its rows meanwhile. The engine then does
// the batch again. When that does not help, nobody has raced: the data of a stream collide with those of another.
var ErrRaced = errors.New("a row that was not there before is there now")

// retryAtOnce reports whether the same work can succeed at once.
func retryAtOnce(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// serialization_failure, deadlock_detected
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return errors.Is(err, ErrRaced)
}

// beginBatch begins a transaction in which PostgreSQL keeps its plans. Otherwise it plans each statement with arrays
// anew, because it expects arrays that it can't see to be long. Every statement here goes by primary keys, however
// many.
const beginBatch = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"

func (g *Engine) applyOnce(ctx context.Context, w Work) (Result, error) {
	tx, err := g.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginBatch})
	if err != nil {
		return Result{}, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	r, err := g.ApplyIn(ctx, tx, w)
	if err != nil {
		return Result{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return Result{}, fmt.Errorf("commit: %w", err)
	}
	return r, nil
}

// ApplyIn does the work in a transaction of the caller.
func (g *Engine) ApplyIn(ctx context.Context, tx pgx.Tx, w Work) (Result, error) {
	s, err := g.open(ctx, tx, w)
	if err != nil {
		return Result{}, err
	}
	for i := range s.views {
		v := &s.views[i]
		for _, k := range w.Keys {
			if v.folds(k) {
				if err := s.repair(ctx, v, k); err != nil {
					return Result{}, err
				}
			}
		}
		for _, in := range w.Events {
			if v.folds(in.Event.Key()) {
				if err := s.apply(ctx, v, in); err != nil {
					return Result{}, err
				}
			}
		}
	}
	return s.result, s.flush(ctx, tx, w)
}

// DataFault reports whether the data themselves are at fault, so that no repetition helps. The database refuses them:
// SQLSTATE classes 22 (data exception), 23 (integrity constraint violation) and 54 (program limit exceeded). Or they
// collide with a row (ErrRaced), or a row that is there can't be read.
func DataFault(err error) bool {
	if errors.Is(err, ErrRaced) || errors.Is(err, readmodel.ErrUnreadableRow) {
		return true
	}
	return failure.OfData(err)
}

// versions returns the last version that a projection has of each stream.
func (g *Engine) versions(ctx context.Context, p Projection, in Place, keys []Key) ([]int64, error) {
	versions := make([]int64, len(keys))
	in.readOnly, in.versionsOnly = true, true
	err := pgx.BeginTxFunc(ctx, g.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		q := &pgx.Batch{}
		b := p.Open(q, in, keys)
		if err := tx.SendBatch(ctx, q).Close(); err != nil {
			return err
		}
		for i, k := range keys {
			versions[i] = b.Version(k)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("versions in %s: %w", p.Name(), err)
	}
	return versions, nil
}
