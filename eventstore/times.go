package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// timesEvery is how many sequence numbers lie between two rows of times.
	timesEvery = 10_000
	// timesMax bounds how many rows one call of [Store.Maintain] adds. The next one goes on.
	timesMax = 200
)

// Before returns a sequence up to which no event is as new as a time: events from that time on have higher ones. It is
// the highest that is known, and lags behind by up to 10,000 numbers and what [Store.Maintain] has not seen yet. It
// costs the same however many events there are. With 0 none is known.
func (s *Store) Before(ctx context.Context, at time.Time) (sequence int64, err error) {
	const sql = `SELECT coalesce((SELECT sequence FROM orderloom.event_times WHERE newest < $1 ORDER BY newest DESC, sequence DESC LIMIT 1), 0)`
	if err := s.pool.QueryRow(ctx, sql, at).Scan(&sequence); err != nil {
		return 0, fmt.Errorf("look for the events before a time: %w", err)
	}
	return sequence, nil
}

// noteTimes adds rows of times up to a mark.
func (s *Store) noteTimes(ctx context.Context, mark int64) error {
	var last int64
	if err := s.pool.QueryRow(ctx, "SELECT coalesce(max(sequence), 0) FROM orderloom.event_times").Scan(&last); err != nil {
		return fmt.Errorf("look how far the times of events are known: %w", err)
	}
	for range timesMax {
		next := last + timesEvery
		if next > mark {
			return nil
		}
		if noted, err := s.noteTime(ctx, last, next); err != nil || !noted {
			return err
		}
		last = next
	}
	return nil
}

// noteTime adds the row of times at a sequence, from the one before it. Partitions are read by their own names, whether
// or not they are archived. Noted is false while the store is not confirmed: it may get events back.
func (s *Store) noteTime(ctx context.Context, last, next int64) (noted bool, err error) {
	const list = "SELECT name FROM orderloom.partitions WHERE from_sequence <= $2 AND to_sequence > $1 + 1"
	rows, err := s.pool.Query(ctx, list, last, next)
	if err != nil {
		return false, fmt.Errorf("list partitions: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return false, fmt.Errorf("list partitions: %w", err)
	}
	sql := `INSERT INTO orderloom.event_times SELECT $2, greatest('-infinity', (SELECT newest FROM orderloom.event_times WHERE sequence = $1)`
	for _, name := range names {
		sql += `, (SELECT max("timestamp") FROM ` + pgx.Identifier{"orderloom", name}.Sanitize() + ` WHERE sequence > $1 AND sequence <= $2)`
	}
	sql += `) WHERE coalesce((SELECT confirmed_at IS NOT NULL FROM orderloom.store_epochs ORDER BY epoch DESC LIMIT 1), true)
		ON CONFLICT (sequence) DO NOTHING`
	tag, err := s.pool.Exec(ctx, sql, last, next)
	if err != nil {
		return false, fmt.Errorf("note the times of events up to %d: %w", next, err)
	}
	return tag.RowsAffected() > 0, nil
}
