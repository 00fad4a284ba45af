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
)

// Querier is a pool, a connection or a transaction in the relay's database.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Cursor returns how far the relay with this name has published, the zero cursor when none has led yet.
func Cursor(ctx context.Context, db Querier, name string) (eventstore.Cursor, error) {
	var c eventstore.Cursor
	err := db.QueryRow(ctx, `SELECT position, coalesce(store_id, $2), coalesce(store_epoch, 0) FROM orderloom.relay_cursors WHERE name = $1`,
		name, uuid.Nil).Scan(&c.Position, &c.Store, &c.Epoch)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return eventstore.Cursor{}, fmt.Errorf("read the relay's cursor: %w", err)
	}
	return c, nil
}

// Status tells how far a relay is.
type Status struct {
	Name string
	// Position is the last sequence published, Behind the number of events after it, as far as the store counts them.
	Position, Behind int64
	// Leader is the process that leads, or led last, and Epoch counts the leaders.
	Leader  string
	Epoch   int64
	MovedAt time.Time
}

// BacklogCounter counts the events after a position; [eventstore.Store] is one.
type BacklogCounter interface {
	Backlog(ctx context.Context, after int64) ([]eventstore.Backlog, error)
}

// Statuses returns the status of every relay that has led, sorted by name.
func Statuses(ctx context.Context, pool *pgxpool.Pool, store BacklogCounter) ([]Status, error) {
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
		backlog, err := store.Backlog(ctx, all[i].Position)
		if err != nil {
			return nil, fmt.Errorf("status of the relay: %w", err)
		}
		for _, b := range backlog {
			all[i].Behind += b.Events
		}
	}
	return all, nil
}

// Identifier tells which event store it is; [eventstore.Store] is one.
type Identifier interface {
	Identity(ctx context.Context) (eventstore.Identity, error)
}

// Rewind sets the position of a cursor and makes the cursor one of this store. Events after the position are published
// again, events up to it are not. The leader notices within a second. It may be repeated. Errors: not_found.
func Rewind(ctx context.Context, pool *pgxpool.Pool, store Identifier, name string, to int64) error {
	id, err := store.Identity(ctx)
	if err != nil {
		return err
	}
	tag, err := pool.Exec(ctx, `UPDATE orderloom.relay_cursors SET position = $2, store_id = $3, store_epoch = $4, updated_at = now() WHERE name = $1`,
		name, to, id.ID, id.Epoch)
	if err != nil {
		return fmt.Errorf("rewind the relay: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return domain.Refuse(domain.CodeNotFound, "there is no relay cursor %q", name)
	}
	return nil
}
