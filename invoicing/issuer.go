package invoicing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/prometheus/client_golang/prometheus"
)

// Events is the event store; [eventstore.Store] is one.
type Events interface {
	Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error)
	LoadMany(ctx context.Context, streams []eventstore.StreamID) (map[eventstore.StreamID][]domain.Envelope, error)
	Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error)
	Waiting(ctx context.Context, span eventstore.Span) ([]eventstore.Backlog, error)
}

// Options of [New]. Pool, Events, Published and Forms are required.
type Options struct {
	Pool   *pgxpool.Pool
	Events Events
	// Published returns up to which sequence all events of orders and payments are published.
	Published func(ctx context.Context) (int64, error)
	Forms     invoice.Forms
	// Every is how often it is looked for events. Default: [EveryDefault].
	Every time.Duration
	// Logger takes a line when it can't go on. Default: nothing is logged.
	Logger *slog.Logger
	// Registerer takes the metrics; nil keeps them to itself.
	Registerer prometheus.Registerer
}

const (
	// EveryDefault is how often it is looked for events.
	EveryDefault = time.Second
	// measuredEvery is how often it is measured how far the invoices are behind.
	measuredEvery = 5 * time.Second
	// pageEvents is how many events of payments are read at once.
	pageEvents = 200
)

// Issuer gives numbers to the documents of all orders. Any number of them may run, in any processes.
type Issuer struct {
	o       Options
	metrics metrics
}

// New returns an issuer.
func New(o Options) *Issuer {
	if o.Every == 0 {
		o.Every = EveryDefault
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Issuer{o: o, metrics: newMetrics(o.Registerer)}
}

// Run gives numbers until ctx ends. What fails is tried again: an event that can't be read holds up all after it,
// because numbers follow the order of the events.
func (i *Issuer) Run(ctx context.Context) error {
	told, measured := false, time.Time{}
	for ctx.Err() == nil {
		more, err := i.Step(ctx)
		if err != nil && ctx.Err() == nil && !told {
			i.o.Logger.ErrorContext(ctx, "invoices could not be numbered, trying again", "error", err)
		}
		if told = err != nil; told {
			i.metrics.failures.Inc()
		}
		if time.Since(measured) > measuredEvery {
			measured = time.Now()
			i.measure(ctx)
		}
		if !more {
			_ = backoff.Pause(ctx, i.o.Every) // the loop looks whether ctx has ended
		}
	}
	return nil
}

// Step gives numbers to the next events, and reports whether there may be more. It does nothing while another issuer is
// at it, while nothing was published beyond what has numbers, and while the event store is not confirmed.
//
// Errors: [eventstore.StoreChangedError] when the store lacks events that have numbers, or is another one.
func (i *Issuer) Step(ctx context.Context) (more bool, err error) {
	published, err := i.o.Published(ctx)
	if err != nil {
		return false, err
	}
	cursor, err := readCursor(ctx, i.o.Pool, "")
	if err != nil || published <= cursor.Position {
		return false, err
	}
	identity, err := i.o.Events.Check(ctx, cursor)
	if err != nil || !identity.Confirmed {
		return false, err
	}
	var issued []invoice.Document
	err = pgx.BeginFunc(ctx, i.o.Pool, func(tx pgx.Tx) error {
		// The row keeps others away: whoever has it reads, numbers and moves it.
		locked, err := readCursor(ctx, tx, " FOR UPDATE SKIP LOCKED")
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil || locked.Position != cursor.Position {
			return err
		}
		page, err := i.read(ctx, cursor.Position, published)
		if err != nil {
			return err
		}
		if page.to <= cursor.Position { // another process has seen more than this one yet
			return nil
		}
		more = page.to < published
		if err := i.number(ctx, tx, page.documents); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE orderloom.invoice_cursor SET position = $1, store_id = $2, store_epoch = $3`, page.to, identity.ID, identity.Epoch)
		issued = page.documents
		return err
	})
	if err != nil {
		return false, fmt.Errorf("number the invoices after event %d: %w", cursor.Position, err)
	}
	i.metrics.count(issued)
	return more, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// readCursor returns how far the events have numbers.
func readCursor(ctx context.Context, db querier, lock string) (c eventstore.Cursor, err error) {
	var store *uuid.UUID
	var epoch *int64
	err = db.QueryRow(ctx, `SELECT position, store_id, store_epoch FROM orderloom.invoice_cursor`+lock).Scan(&c.Position, &store, &epoch)
	if store != nil && epoch != nil {
		c.Store, c.Epoch = *store, *epoch
	}
	if err != nil {
		return c, fmt.Errorf("read how far the invoices are: %w", err)
	}
	return c, nil
}

// Position returns up to which event the documents have numbers.
func Position(ctx context.Context, pool *pgxpool.Pool) (int64, error) {
	c, err := readCursor(ctx, pool, "")
	return c.Position, err
}
