package eventstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/advisory"
)

// highWater finds the sequence up to which all events can be read.
//
// Numbers are given out before the events that carry them become visible, so a reader that takes what it sees skips
// what commits later. Appends therefore hold a shared advisory lock from before they take a number until after their
// commit has become visible. The mark reads the last number given out, S, and then who holds the lock. Once all of
// those holders are gone, every number up to S is visible or never will be. New holders do not matter. So a store
// that is never idle does not hold the mark up, and no append ever waits for a reader.
//
// The mark is then lowered to the last event that can be seen. A number that nobody committed may be given out again
// after a crash; one that was committed never is. So a mark that was once announced stays true. For the same reason
// what is remembered between two calls is forgotten with the connection: a crash breaks it. The mark is forgotten too,
// since the server at the other end may be a restored one, which has not come so far.
type highWater struct {
	pool    *pgxpool.Pool
	metrics *metrics

	mu        sync.Mutex
	conn      *pgx.Conn
	mark      int64
	archived  int64               // events with a lower sequence lie in archived partitions
	candidate int64               // S of an earlier call
	holders   map[holder]struct{} // of the lock at that call, as far as they still hold it; nil without a candidate
}

// holder is a transaction that holds the lock. A virtual transaction id is not used twice while the
// server runs.
type holder struct {
	pid         int32
	transaction string
}

const markTimeout = 10 * time.Second

// The order of the statements is what it all rests on: the number first, then the holders, then what is
// visible. Each has a snapshot of its own.
const lastNumberSQL = `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM orderloom.event_sequence`

var holdersSQL = fmt.Sprintf(`SELECT coalesce(pid, 0), virtualtransaction FROM pg_catalog.pg_locks
	WHERE locktype = 'advisory' AND classid = %d AND objid = %d AND objsubid = 2 AND granted
	AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`, advisory.Appends, advisory.AppendsKey)

const lastVisibleSQL = `SELECT coalesce((SELECT e.sequence FROM orderloom.events e ORDER BY e.sequence DESC LIMIT 1), 0),
	coalesce((SELECT max(p.to_sequence) FROM orderloom.partitions p WHERE p.archived_at IS NOT NULL), 0)`

// advance returns the present mark, and the sequence below which events lie in archived partitions.
func (h *highWater) advance(ctx context.Context) (mark, archived int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.connect(ctx); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	// Who only polls mostly finds nothing new, and need not know who holds the lock.
	var number int64
	if err := h.conn.QueryRow(ctx, lastNumberSQL).Scan(&number); err != nil {
		h.forget(ctx)
		return 0, 0, fmt.Errorf("look at the last number: %w", err)
	}
	if number <= h.mark && h.holders == nil {
		h.metrics.highWaterLag.Set(0)
		return h.mark, h.archived, nil
	}
	last, holders, visible, err := h.readOpenAppends(ctx)
	if err != nil {
		h.forget(ctx)
		return 0, 0, err
	}
	visible = max(visible, h.archived-1)
	if h.holders != nil {
		for known := range h.holders {
			if _, still := holders[known]; !still {
				delete(h.holders, known)
			}
		}
		if len(h.holders) == 0 {
			h.reach(min(h.candidate, visible))
			h.holders = nil
		}
	}
	if len(holders) == 0 {
		h.reach(min(last, visible))
		h.holders = nil
	} else if h.holders == nil {
		h.candidate, h.holders = last, holders
	}
	h.metrics.highWaterLag.Set(float64(max(last-h.mark, 0)))
	return h.mark, h.archived, nil
}

func (h *highWater) reach(mark int64) { h.mark = max(h.mark, mark) }

func (h *highWater) connect(ctx context.Context) error {
	if h.conn != nil && !h.conn.IsClosed() {
		return nil
	}
	h.conn, h.holders, h.mark = nil, nil, 0
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := connect(ctx, h.pool)
	if err != nil {
		return err
	}
	h.conn = conn
	return nil
}

func (h *highWater) forget(ctx context.Context) {
	if h.conn != nil {
		_ = h.conn.Close(context.WithoutCancel(ctx)) // it is broken or was interrupted
	}
	h.conn, h.holders, h.mark = nil, nil, 0
}

// readOpenAppends returns the last number that was given out, who holds an append open, and what is visible.
func (h *highWater) readOpenAppends(ctx context.Context) (last int64, holders map[holder]struct{}, visible int64, err error) {
	batch := &pgx.Batch{}
	batch.Queue(lastNumberSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&last) })
	batch.Queue(holdersSQL).Query(func(rows pgx.Rows) error {
		holders = make(map[holder]struct{})
		var one holder
		_, err := pgx.ForEachRow(rows, []any{&one.pid, &one.transaction}, func() error {
			holders[one] = struct{}{}
			return nil
		})
		return err
	})
	batch.Queue(lastVisibleSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&visible, &h.archived) })
	if err := h.conn.SendBatch(ctx, batch).Close(); err != nil {
		return 0, nil, 0, fmt.Errorf("look at the appends under way: %w", err)
	}
	return last, holders, visible, nil
}

func (h *highWater) close(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(ctx)
}
