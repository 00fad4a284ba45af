package maintain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/projector"
)

// swap puts the shadow tables in the place of the live ones. Projectors and readers wait while it folds what
// has come in since, and find the new tables under the old names.
func (r *rebuild) swap(ctx context.Context) error {
	var err error
	for range swapAttempts {
		// Nearly all is caught up without anybody waiting.
		if err = r.fill(ctx); err != nil {
			return err
		}
		// What the database refuses to the swap is parked by the next fill.
		if err = r.swapOnce(ctx); !lockNotAvailable(err) && !projector.DataFault(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("swap the tables of %s: %w", r.projection.Name(), err)
	}
	r.report.Swapped = true
	return nil
}

func (r *rebuild) swapOnce(ctx context.Context) (err error) {
	name := r.projection.Name()
	start := time.Now()
	before := *r
	defer func() {
		if err != nil { // what was folded under the lock was taken back with it
			*r = before
		}
	}()
	err = pgx.BeginFunc(ctx, r.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', $1, true)`, fmt.Sprint(swapLockTimeout.Milliseconds())); err != nil {
			return err
		}
		var tables []string
		for _, t := range r.projection.Tables() {
			tables = append(tables, projector.Live.Table(t.Name))
		}
		if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(tables, ", ")+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		start = time.Now()
		// What the live tables have is in the store, below its high-water mark: read up to that, the shadows
		// have it as well. Without this an event that only the live tables had would be missing until the
		// sweeper comes by.
		for more := true; more; {
			p := r.read(ctx, r.position)
			if p.err != nil {
				return p.err
			}
			res, err := r.ApplyIn(ctx, tx, r.work(p))
			if err != nil {
				return err
			}
			r.advance(p, res)
			more = p.More
		}
		for _, t := range r.projection.Tables() {
			for _, s := range []string{
				"ALTER TABLE " + projector.Live.Table(t.Name) + " RENAME TO " + pgx.Identifier{projector.Old.Name(t.Name)}.Sanitize(),
				"ALTER TABLE " + projector.Shadow.Table(t.Name) + " RENAME TO " + pgx.Identifier{t.Name}.Sanitize(),
			} {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
		}
		q := &pgx.Batch{}
		q.Queue(`SELECT set_config('synchronous_commit', 'on', true)`)
		q.Queue(`DELETE FROM orderloom.parked_streams WHERE projection = $1`, name)
		q.Queue(`UPDATE orderloom.parked_streams SET projection = $1 WHERE projection = $2`, name, projector.Shadow.Name(name))
		q.Queue(`UPDATE orderloom.projection_rebuilds SET state = $2, updated_at = now() WHERE projection = $1`, name, rebuildSwapped)
		projector.SetCursor(q, name, eventstore.Cursor{Store: r.identity.ID, Epoch: r.identity.Epoch, Position: r.position})
		return tx.SendBatch(ctx, q).Close()
	})
	r.report.Paused = time.Since(start)
	return err
}

// lockNotAvailable reports whether a lock was not to be had in time (SQLSTATE 55P03), or was given up to end a
// deadlock.
func lockNotAvailable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}
