package relay

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
)

// errDeposed means that another relay leads.
var errDeposed = errors.New("another relay leads")

// lockClass is the first key of the advisory locks that leaders hold, so that they collide with nobody
// else's.
const lockClass = 0x6f6c // "ol"

// electionTimeout bounds what a leader asks of its own connection.
const electionTimeout = 5 * time.Second

// term is the time for which a relay leads.
type term struct {
	*Relay
	conn     *pgxpool.Conn
	epoch    int64
	position int64
}

// elect tries to lead. It returns nil when another relay does.
//
// The lock belongs to a session, so PostgreSQL frees it as soon as a leader's process is gone. It only
// decides who tries: what protects the cursor is the epoch.
func (r *Relay) elect(ctx context.Context) (_ *term, err error) {
	conn, err := r.opts.Pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	var locked bool
	defer func() {
		if err != nil || !locked {
			conn.Release()
		}
	}()
	if err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, $2)`, lockClass, lockKey(r.opts.Name)).Scan(&locked); err != nil || !locked {
		return nil, err
	}
	t := &term{Relay: r, conn: conn}
	if err = t.begin(ctx); err != nil {
		t.unlock(ctx)
		return nil, err
	}
	return t, nil
}

// begin raises the epoch and reads the position, after making sure that the position is one of this store.
func (t *term) begin(ctx context.Context) error {
	id, err := readIdentity(ctx, t.conn)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO orderloom.relay_cursors (name, store_id, store_epoch) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`,
			t.opts.Name, id.id, id.epoch)
		if err != nil {
			return err
		}
		var was cursor
		err = tx.QueryRow(ctx, `SELECT position, store_id, store_epoch FROM orderloom.relay_cursors WHERE name = $1 FOR UPDATE`, t.opts.Name).
			Scan(&was.position, &was.storeID, &was.storeEpoch)
		if err != nil {
			return err
		}
		if was.storeEpoch != nil {
			// The store may have been restored more than once since.
			err := tx.QueryRow(ctx, `SELECT coalesce(min(sequence), 0) FROM orderloom.store_epochs WHERE epoch > $1`, *was.storeEpoch).Scan(&id.epochSequence)
			if err != nil {
				return err
			}
		}
		if err := was.check(id); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `UPDATE orderloom.relay_cursors
			SET epoch = epoch + 1, leader = $2, leader_since = now(), store_id = $3, store_epoch = $4, updated_at = now()
			WHERE name = $1 RETURNING epoch, position`, t.opts.Name, t.opts.Instance, id.id, id.epoch).Scan(&t.epoch, &t.position)
	})
}

// identity tells which event store this is. epochSequence is the lowest sequence as of which it was restored
// since the relay has led last.
type identity struct {
	id                   uuid.UUID
	epoch, epochSequence int64
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func readIdentity(ctx context.Context, db querier) (identity, error) {
	var id identity
	err := db.QueryRow(ctx, `SELECT i.id, i.epoch FROM orderloom.identify() i`).Scan(&id.id, &id.epoch)
	if err != nil {
		return identity{}, fmt.Errorf("identity of the event store: %w", err)
	}
	return id, nil
}

// cursor is what the relay remembers of the store that it has published from.
type cursor struct {
	position   int64
	storeID    *string
	storeEpoch *int64
}

// check refuses to go on where events would be left out: when the position is another store's, or lies
// beyond the point from which this store was restored. Errors: other_store, store_behind.
func (c cursor) check(id identity) error {
	if c.storeID == nil || c.storeEpoch == nil || c.position == 0 {
		return nil
	}
	if *c.storeID != id.id.String() {
		return domain.Refuse("other_store", "the relay has published up to %d from event store %s, and this is %s: connect it to its own store, "+
			"or start over with \"orderloom relay rewind --to 0\" (consumers then see every event again, and skip what they know)",
			c.position, *c.storeID, id.id)
	}
	if *c.storeEpoch != id.epoch && c.position > id.epochSequence {
		return domain.Refuse("store_behind", "the relay has published up to %d, and the event store was restored as of %d: events that Kafka has are "+
			"lost in the store. Restore a later backup, or accept the loss with \"orderloom relay rewind --to %d\" and rebuild the projections",
			c.position, id.epochSequence, id.epochSequence)
	}
	return nil
}

// move sets the cursor, if this relay still leads and nobody has touched it. Losing the last moves in a
// crash only repeats events, so the commit is not waited for.
func (t *term) move(ctx context.Context, position int64) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	q := &pgx.Batch{}
	q.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	var moved bool
	// Without the comparison of epoch and position, a deposed leader would move the cursor back or past what
	// its successor has not published yet.
	q.Queue(`UPDATE orderloom.relay_cursors SET position = $4, updated_at = now() WHERE name = $1 AND epoch = $2 AND position = $3`,
		t.opts.Name, t.epoch, t.position, position)
	err := pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		results := tx.SendBatch(ctx, q)
		defer func() { _ = results.Close() }()
		if _, err := results.Exec(); err != nil {
			return err
		}
		tag, err := results.Exec()
		moved = tag.RowsAffected() == 1
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("move the cursor: %w", err)
	case !moved:
		return errDeposed
	}
	t.position = position
	return nil
}

// beat makes sure that the connection with the lock lives and that nobody has taken over.
func (t *term) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	var epoch, position int64
	err := t.conn.QueryRow(ctx, `SELECT epoch, position FROM orderloom.relay_cursors WHERE name = $1`, t.opts.Name).Scan(&epoch, &position)
	switch {
	case err != nil:
		return fmt.Errorf("look at the cursor: %w", err)
	case epoch != t.epoch:
		return errDeposed
	case position != t.position:
		// An operator has set the cursor.
		t.log.InfoContext(ctx, "relay cursor was set", "from", t.position, "to", position)
		t.position = position
	}
	t.metrics.position.Set(float64(t.position))
	return nil
}

// unlock gives up the lock, with the connection if need be.
func (t *term) unlock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), electionTimeout)
	defer cancel()
	if _, err := t.conn.Exec(ctx, `SELECT pg_advisory_unlock($1, $2)`, lockClass, lockKey(t.opts.Name)); err != nil {
		_ = t.conn.Conn().Close(ctx) // frees the lock as well
	}
	t.conn.Release()
}

// lockKey is the second key of the advisory lock for a cursor.
func lockKey(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int32(h.Sum32()) //nolint:gosec // any 32 bits will do
}

// Rewind sets the position of a cursor, so that events are published again from there, or those before
// are left out, and makes the cursor one of this store. The leader notices within a second. It may be
// repeated. Errors: not_found.
func Rewind(ctx context.Context, pool *pgxpool.Pool, name string, to int64) error {
	id, err := readIdentity(ctx, pool)
	if err != nil {
		return err
	}
	tag, err := pool.Exec(ctx, `UPDATE orderloom.relay_cursors SET position = $2, store_id = $3, store_epoch = $4, updated_at = now() WHERE name = $1`,
		name, to, id.id, id.epoch)
	if err != nil {
		return fmt.Errorf("rewind the relay: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return domain.Refuse("not_found", "there is no relay cursor %q", name)
	}
	return nil
}
