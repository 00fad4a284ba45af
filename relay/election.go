package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
)

// Why a leader stops leading.
var (
	errDeposed        = errors.New("another relay leads")
	errConnectionLost = errors.New("the connection to PostgreSQL is lost")
)

// electionTimeout bounds what a leader asks of its own connection.
const electionTimeout = 5 * time.Second

// term is the time for which a relay leads.
type term struct {
	*Relay
	conn     *pgxpool.Conn
	epoch    int64
	position int64
	// store is the event store as it was when this relay began to lead.
	store eventstore.Identity
	// withheld are the types whose events wait, with the last sequence up to which those are published.
	withheld map[string]int64
	// triedAt is when the topics of the withheld types were tried last.
	triedAt time.Time
	// rests says that appends tell the session of conn.
	rests bool
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
	if locked, err = advisory.TryLock(ctx, conn, advisory.RelayLeader, r.opts.Name); err != nil || !locked {
		return nil, err
	}
	t := &term{Relay: r, conn: conn}
	if err = t.begin(ctx); err != nil {
		t.unlock(ctx)
		return nil, err
	}
	return t, nil
}

// begin raises the epoch and reads the position, after the store has confirmed that it is a position of it.
func (t *term) begin(ctx context.Context) error {
	if _, err := t.conn.Exec(ctx, `INSERT INTO orderloom.relay_cursors (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`, t.opts.Name); err != nil {
		return fmt.Errorf("make the cursor: %w", err)
	}
	id, err := t.check(ctx)
	if err != nil {
		return err
	}
	if !id.Confirmed {
		return eventstore.ErrUnconfirmed // its events may stand where others stand that are published
	}
	t.store = id
	t.opts.Writer.From(broker.Origin{Store: id.ID, Epoch: id.Epoch})
	err = t.conn.QueryRow(ctx, `UPDATE orderloom.relay_cursors
		SET epoch = epoch + 1, leader = $2, leader_since = now(), store_id = $3, store_epoch = $4, updated_at = now()
		WHERE name = $1 RETURNING epoch, position`, t.opts.Name, t.opts.Instance, id.ID, id.Epoch).Scan(&t.epoch, &t.position)
	if err != nil {
		return fmt.Errorf("raise the epoch: %w", err)
	}
	return t.readWithheld(ctx)
}

// check asks the store whether the relay may go on from its cursor. Errors: store_replaced, store_behind.
func (t *term) check(ctx context.Context) (eventstore.Identity, error) {
	cursor, err := Cursor(ctx, t.conn, t.opts.Name)
	if err != nil {
		return eventstore.Identity{}, err
	}
	switch {
	case cursor.Position == 0:
		cursor = eventstore.Cursor{} // nothing is published yet
	case cursor.Store == uuid.Nil: // a tool has made the cursor, which belongs to this store
		id, err := t.opts.Store.Check(ctx, eventstore.Cursor{})
		if err != nil {
			return id, err
		}
		cursor.Store, cursor.Epoch = id.ID, id.Epoch
	}
	id, err := t.opts.Store.Check(ctx, cursor)
	if changed := (*eventstore.StoreChangedError)(nil); errors.As(err, &changed) {
		return id, fmt.Errorf("%w; or accept the loss: \"orderloom relay rewind --to %d\" publishes all events after that, "+
			"consumers skip those that they know, and \"orderloom rebuild\" makes the views anew", err, min(changed.Last, cursor.Position))
	}
	return id, err
}

// move sets the cursor, if this relay still leads and nobody has touched it. It also records which types are withheld
// from now on, and why. Losing the last moves in a crash only repeats events, so the commit is not waited for.
func (t *term) move(ctx context.Context, position int64, refused map[string]error) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	q := &pgx.Batch{}
	q.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	var moved bool
	// Without the comparison of epoch and position, a deposed leader would move the cursor back or past what
	// its successor has not published yet.
	q.Queue(`UPDATE orderloom.relay_cursors SET position = $4, updated_at = now() WHERE name = $1 AND epoch = $2 AND position = $3`,
		t.opts.Name, t.epoch, t.position, position).Exec(func(tag pgconn.CommandTag) error {
		moved = tag.RowsAffected() == 1
		return nil
	})
	for aggregateType, cause := range refused {
		q.Queue(`INSERT INTO orderloom.relay_withheld (name, aggregate_type, position, error)
			SELECT name, $2, $4, $5 FROM orderloom.relay_cursors WHERE name = $1 AND epoch = $3
			ON CONFLICT (name, aggregate_type) DO NOTHING`, t.opts.Name, aggregateType, t.epoch, t.position, cause.Error())
	}
	err := pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		if err := tx.SendBatch(ctx, q).Close(); err != nil {
			return err
		}
		if !moved {
			return errDeposed // which takes back what is withheld
		}
		return nil
	})
	if errors.Is(err, errDeposed) {
		return errDeposed
	}
	if err != nil {
		return fmt.Errorf("move the cursor: %w", err)
	}
	for aggregateType := range refused {
		t.withheld[aggregateType] = t.position
	}
	t.position = position
	return nil
}

// errRewound means that an operator has set the cursor: what was read before is not to be published any more.
var errRewound = errors.New("the cursor was set by an operator")

// beat makes sure that the connection with the lock lives and that nobody has taken over. Errors: errDeposed;
// errRewound, once the position is the one that was set; store_behind when that one is beyond the store;
// [eventstore.ErrUnconfirmed].
func (t *term) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	id, err := t.opts.Store.Identity(ctx)
	switch {
	case err != nil:
		return err
	case !id.Confirmed:
		return eventstore.ErrUnconfirmed
	case id != t.store:
		return errDeposed // by a new epoch of the store, which the messages are to tell
	}
	var epoch, position int64
	err = t.conn.QueryRow(ctx, `SELECT epoch, position FROM orderloom.relay_cursors WHERE name = $1`, t.opts.Name).Scan(&epoch, &position)
	switch {
	case err != nil:
		return fmt.Errorf("look at the cursor: %w", err)
	case epoch != t.epoch:
		return errDeposed
	case position != t.position:
		t.log.InfoContext(ctx, "relay cursor was set", "from", t.position, "to", position)
		t.position = position
		if err := t.readWithheld(ctx); err != nil {
			return err
		}
		if _, err := t.check(ctx); err != nil {
			return err
		}
		return errRewound
	}
	t.metrics.position.Set(float64(t.position))
	return nil
}

// unlock gives up the lock, with the connection if need be.
func (t *term) unlock(ctx context.Context) {
	advisory.Unlock(ctx, t.conn, advisory.RelayLeader, t.opts.Name)
	t.conn.Release()
}
