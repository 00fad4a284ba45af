package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// seen is the last sequence that this process has appended, and in which epoch.
type seen struct{ epoch, sequence int64 }

// greet is done on every new connection before anything is appended over it: a restored store begins its new epoch
// before it takes new events. A store may still be where it was, and lack what this process has appended. It was put
// back from a copy of its disk then.
func (p *postgres) greet(ctx context.Context, conn *pgx.Conn) error {
	identity, err := identify(ctx, conn)
	if err != nil {
		return err
	}
	if identity.Confirmed && identity.Epoch == p.seen.epoch && p.seen.sequence > 0 {
		var last int64
		if err := conn.QueryRow(ctx, lastNumberSQL).Scan(&last); err != nil {
			return fmt.Errorf("look at the last number: %w", err)
		}
		if last < p.seen.sequence {
			reason := fmt.Sprintf("a process has appended event %d, and the store ends with %d", p.seen.sequence, last)
			if identity, err = doubt(ctx, conn, identity, reason); err != nil {
				return err
			}
		}
	}
	if identity.Epoch != p.seen.epoch {
		p.seen = seen{epoch: identity.Epoch}
	}
	p.unconfirmed.Store(!identity.Confirmed)
	p.asked = time.Now()
	if _, err := conn.Exec(ctx, "SELECT orderloom.ensure_partitions()"); err != nil {
		return fmt.Errorf("make partitions: %w", err)
	}
	return nil
}

// askAgainEvery is how often an unconfirmed store is asked whether it is confirmed by now, at most.
const askAgainEvery = 200 * time.Millisecond

// askAgain returns [ErrUnconfirmed] unless the epoch was confirmed meanwhile.
func (p *postgres) askAgain(ctx context.Context) error {
	if time.Since(p.asked) < askAgainEvery {
		return ErrUnconfirmed
	}
	identity, err := identify(ctx, p.conn)
	if err != nil {
		return err
	}
	p.asked = time.Now()
	p.unconfirmed.Store(!identity.Confirmed)
	if !identity.Confirmed {
		return ErrUnconfirmed
	}
	return nil
}

// executor is a pool or a connection.
type executor interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Doubt begins a new epoch that is not confirmed, because of something outside of the store that knows more than the
// store. No process appends to it within a second. It changes nothing when the epoch is not confirmed anyway, or is
// another one than that of the identity. It returns who the store is then.
func (s *Store) Doubt(ctx context.Context, identity Identity, reason string) (Identity, error) {
	if _, err := doubt(ctx, s.pool, identity, reason); err != nil {
		return identity, err
	}
	return s.Identity(ctx)
}

func doubt(ctx context.Context, db executor, identity Identity, reason string) (Identity, error) {
	const sql = `WITH begun AS (INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint, reason)
			SELECT l.epoch + 1, (SELECT coalesce(max(e.sequence), 0) FROM orderloom.events e), l.fingerprint, $2
			FROM (SELECT * FROM orderloom.store_epochs ORDER BY epoch DESC LIMIT 1) l
			WHERE l.epoch = $1 AND l.confirmed_at IS NOT NULL ON CONFLICT DO NOTHING RETURNING epoch)
		SELECT count(*) FROM begun`
	var begun int
	if err := db.QueryRow(ctx, sql, identity.Epoch, reason).Scan(&begun); err != nil {
		return identity, fmt.Errorf("begin a new epoch: %w", err)
	}
	return identify(ctx, db)
}

// RestoredAsOf returns the time of the last event that the store had when it was restored or failed over. When it had
// none, it is that of the first event. It is zero while the epoch is confirmed, and for a store without events.
func (s *Store) RestoredAsOf(ctx context.Context) (time.Time, error) {
	// A store may have moved again before it was confirmed: the first of those epochs tells.
	const sql = `WITH began AS (SELECT min(u.sequence) AS sequence FROM orderloom.store_epochs u
			WHERE u.epoch > (SELECT coalesce(max(c.epoch), 0) FROM orderloom.store_epochs c WHERE c.confirmed_at IS NOT NULL))
		SELECT coalesce(
			(SELECT e."timestamp" FROM orderloom.events e, began b WHERE e.sequence <= b.sequence ORDER BY e.sequence DESC LIMIT 1),
			(SELECT e."timestamp" FROM orderloom.events e, began b WHERE b.sequence IS NOT NULL ORDER BY e.sequence LIMIT 1))`
	var at *time.Time
	if err := s.pool.QueryRow(ctx, sql).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("find the time of the last event before the store was restored: %w", err)
	}
	if at == nil {
		return time.Time{}, nil
	}
	return *at, nil
}

// Known is how far others have seen the store, outside of its database.
type Known struct {
	// Epoch is the highest one, and Sequence the highest of an event; 0 when none is known.
	Epoch, Sequence int64
}

// Confirm says that the store has all that was ever published of it, or that the loss of the rest is accepted. Appends
// go on then, in every process within a second. Sequences that others know are not given out again, nor is their epoch:
// the store's may get a higher number. It may be repeated. Error: store_replaced when the identity is not the store's
// present one.
func (s *Store) Confirm(ctx context.Context, identity Identity, known Known) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// An append that is under way in a process that has not noticed yet is waited for.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(7308613, 1)"); err != nil {
			return err
		}
		now, err := identify(ctx, tx)
		switch {
		case err != nil:
			return err
		case now.ID != identity.ID || now.Epoch != identity.Epoch:
			return domain.Refuse(CodeStoreReplaced, "the store is %s in epoch %d, not %s in epoch %d", now.ID, now.Epoch, identity.ID, identity.Epoch)
		case now.Confirmed:
			return nil
		}
		if err := skipTo(ctx, tx, known.Sequence); err != nil {
			return err
		}
		const sql = `UPDATE orderloom.store_epochs SET confirmed_at = now(), epoch = greatest(epoch, $2 + 1),
			sequence = greatest(sequence, (SELECT coalesce(max(e.sequence), 0) FROM orderloom.events e)) WHERE epoch = $1`
		_, err = tx.Exec(ctx, sql, identity.Epoch, known.Epoch)
		return err
	})
	if err != nil {
		return fmt.Errorf("confirm the epoch: %w", err)
	}
	_, err = s.Identity(ctx)
	return err
}

// skipTo sees to it that the next event gets a higher number than this one.
func skipTo(ctx context.Context, tx pgx.Tx, sequence int64) error {
	if sequence < 1 {
		return nil
	}
	const sql = `SELECT setval('orderloom.event_sequence', $1) FROM orderloom.event_sequence WHERE CASE WHEN is_called THEN last_value ELSE 0 END < $1`
	if _, err := tx.Exec(ctx, sql, sequence); err != nil {
		return fmt.Errorf("skip to number %d: %w", sequence, err)
	}
	if _, err := tx.Exec(ctx, "SELECT orderloom.ensure_partitions()"); err != nil {
		return fmt.Errorf("make partitions: %w", err)
	}
	return nil
}
