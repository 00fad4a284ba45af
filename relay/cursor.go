package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
)

// Querier is a pool, a connection or a transaction in the relay's database.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Cursor returns how far the relay with this name has published, the zero cursor when none has led yet. Events of
// withheld types are left out of what it has published (see [Unpublished]).
func Cursor(ctx context.Context, db Querier, name string) (eventstore.Cursor, error) {
	var c eventstore.Cursor
	err := db.QueryRow(ctx, `SELECT position, coalesce(store_id, $2), coalesce(store_epoch, 0) FROM orderloom.relay_cursors WHERE name = $1`,
		name, uuid.Nil).Scan(&c.Position, &c.Store, &c.Epoch)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return eventstore.Cursor{}, fmt.Errorf("read the relay's cursor: %w", err)
	}
	return c, nil
}

// Withheld is an aggregate type whose topic takes nothing. Its events wait, and those of other types do not.
type Withheld struct {
	AggregateType string `json:"aggregate_type"`
	// Position is the last sequence up to which its events are published.
	Position int64 `json:"position"`
	// Error is why the topic takes nothing.
	Error string    `json:"error"`
	Since time.Time `json:"since"`
}

// withheld returns what the relay with this name holds back, sorted by type.
func withheld(ctx context.Context, db Querier, name string) ([]Withheld, error) {
	rows, err := db.Query(ctx, `SELECT aggregate_type, position, error, since FROM orderloom.relay_withheld WHERE name = $1 ORDER BY aggregate_type`, name)
	if err != nil {
		return nil, fmt.Errorf("read what the relay holds back: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Withheld])
	if err != nil {
		return nil, fmt.Errorf("read what the relay holds back: %w", err)
	}
	return all, nil
}

// PublishedOf returns up to which sequence the relay with this name has published all events of these aggregate types.
// What is withheld of them counts as not published. It is 0 when none has led yet.
func PublishedOf(ctx context.Context, db Querier, name string, aggregateTypes ...string) (int64, error) {
	const sql = `SELECT coalesce(min(least(c.position, w.position)), 0) FROM orderloom.relay_cursors c
		LEFT JOIN orderloom.relay_withheld w ON w.name = c.name AND w.aggregate_type = ANY ($2) WHERE c.name = $1`
	var position int64
	if err := db.QueryRow(ctx, sql, name, aggregateTypes).Scan(&position); err != nil {
		return 0, fmt.Errorf("read what the relay has published: %w", err)
	}
	return position, nil
}

// Counter counts events of the event store; [eventstore.Store] is one.
type Counter interface {
	Waiting(ctx context.Context, s eventstore.Span) ([]eventstore.Backlog, error)
}

// Unpublished counts what the relay with this name has not published yet, by aggregate type. That is the events
// behind its cursor, and those of withheld types before it. Of each part it counts limit events, 0 for as many as the
// store counts.
func Unpublished(ctx context.Context, db Querier, store Counter, name string, limit int) ([]eventstore.Backlog, error) {
	const sql = `SELECT c.position, coalesce(w.aggregate_type, ''), coalesce(w.position, 0)
		FROM orderloom.relay_cursors c LEFT JOIN orderloom.relay_withheld w USING (name) WHERE c.name = $1 ORDER BY w.aggregate_type`
	rows, err := db.Query(ctx, sql, name)
	if err != nil {
		return nil, fmt.Errorf("read what the relay has published: %w", err)
	}
	var position int64
	var held []Withheld
	var w Withheld
	_, err = pgx.ForEachRow(rows, []any{&position, &w.AggregateType, &w.Position}, func() error {
		if w.AggregateType != "" {
			held = append(held, w)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what the relay has published: %w", err)
	}
	return unpublished(ctx, store, position, held, limit)
}

func unpublished(ctx context.Context, store Counter, position int64, held []Withheld, limit int) ([]eventstore.Backlog, error) {
	all, err := store.Waiting(ctx, eventstore.Span{After: position, Limit: limit})
	if err != nil {
		return nil, err
	}
	for _, w := range held {
		if w.Position >= position {
			continue
		}
		more, err := store.Waiting(ctx, eventstore.Span{
			After: w.Position, Through: position, AggregateTypes: []string{w.AggregateType}, Limit: limit,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// Status tells how far a relay is.
type Status struct {
	Name string `json:"name"`
	// Position is the last sequence published, Last that of the last event in the store. A position beyond Last is a
	// fault: nothing is published until it is rewound.
	Position int64 `json:"position"`
	Last     int64 `json:"last_sequence"`
	// Behind is the number of events that are not published, as far as the store counts them.
	Behind int64 `json:"behind"`
	// Withheld are the types whose events wait for their topic.
	Withheld []Withheld `json:"withheld"`
	// LostSince is when Kafka was found to lack events that were published, zero when it has all. A rewind publishes
	// them again.
	LostSince time.Time `json:"lost_since,omitzero"`
	// Led reports whether a process leads at present. Where another one takes over, nobody leads for a second or two.
	Led bool `json:"led"`
	// SilentFor is for how long the leader has said nothing. Another relay leads soon after [SilentMax].
	SilentFor time.Duration `json:"silent_nanoseconds"`
	// Leader is the process that leads, or led last, and Epoch counts the leaders.
	Leader  string    `json:"leader"`
	Epoch   int64     `json:"epoch"`
	MovedAt time.Time `json:"moved_at"`
}

// Ahead reports whether the cursor claims more than the store has.
func (s Status) Ahead() bool { return s.Position > s.Last }

// CountingStore is the event store for [Statuses]; [eventstore.Store] is one.
type CountingStore interface {
	Counter
	// LastSequence returns the sequence of the last event.
	LastSequence(ctx context.Context) (int64, error)
}

// Statuses returns the status of every relay that has led, sorted by name.
func Statuses(ctx context.Context, pool *pgxpool.Pool, store CountingStore) ([]Status, error) {
	rows, err := pool.Query(ctx, `SELECT name, position, leader, epoch, updated_at FROM orderloom.relay_cursors ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("status of the relay: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Status, error) {
		var s Status
		return s, row.Scan(&s.Name, &s.Position, &s.Leader, &s.Epoch, &s.MovedAt)
	})
	if err != nil {
		return nil, fmt.Errorf("status of the relay: %w", err)
	}
	for i := range all {
		if err := all[i].count(ctx, pool, store); err != nil {
			return nil, fmt.Errorf("status of the relay: %w", err)
		}
	}
	return all, nil
}

// count fills in what the store tells.
func (s *Status) count(ctx context.Context, pool *pgxpool.Pool, store CountingStore) (err error) {
	// After the cursor was read: what is appended meanwhile does not make the cursor look ahead.
	if s.Last, err = store.LastSequence(ctx); err != nil {
		return err
	}
	if s.Withheld, err = withheld(ctx, pool, s.Name); err != nil {
		return err
	}
	if s.LostSince, err = lostSince(ctx, pool, s.Name); err != nil {
		return err
	}
	if s.Led, s.SilentFor, err = advisory.Holder(ctx, pool, advisory.RelayLeader, s.Name); err != nil {
		return err
	}
	backlog, err := unpublished(ctx, store, s.Position, s.Withheld, 0)
	for _, b := range backlog {
		s.Behind += b.Events
	}
	return err
}

// RewoundStore is the event store for [Rewind]; [eventstore.Store] is one.
type RewoundStore interface {
	Identity(ctx context.Context) (eventstore.Identity, error)
	// LastSequence returns the sequence of the last event.
	LastSequence(ctx context.Context) (int64, error)
}

// Rewind sets the position of a cursor and makes the cursor one of this store. Events after the position are published
// again. The leader notices within a second. It may be repeated. Errors: not_found; invalid for a position below 0,
// behind the last event, or beyond what is published. From there, events would be left out.
func Rewind(ctx context.Context, pool *pgxpool.Pool, store RewoundStore, name string, to int64) error {
	if to < 0 {
		return domain.Invalid("to", "must not be below 0, got %d", to)
	}
	id, err := store.Identity(ctx)
	if err != nil {
		return err
	}
	last, err := store.LastSequence(ctx)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return rewind(ctx, tx, id, name, to, last) })
	if err != nil && domain.Code(err) == "" {
		return fmt.Errorf("rewind the relay: %w", err)
	}
	return err
}

func rewind(ctx context.Context, tx pgx.Tx, id eventstore.Identity, name string, to, last int64) error {
	var position int64
	err := tx.QueryRow(ctx, `SELECT position FROM orderloom.relay_cursors WHERE name = $1 FOR UPDATE`, name).Scan(&position)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return domain.Refuse(domain.CodeNotFound, "there is no relay cursor %q", name)
	case err != nil:
		return err
	case to > last:
		return domain.Invalid("to", "must not be above %d, the last event of the store, got %d", last, to)
	case to > position:
		return domain.Invalid("to", "must not be above %d, up to which all is published, got %d: the events between would be left out", position, to)
	}
	const set = `UPDATE orderloom.relay_cursors
		SET position = $2, store_id = $3, store_epoch = $4, updated_at = now(), lost_since = NULL WHERE name = $1`
	if _, err := tx.Exec(ctx, set, name, to, id.ID, id.Epoch); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE orderloom.relay_withheld SET position = least(position, $2) WHERE name = $1`, name, to)
	return err
}
