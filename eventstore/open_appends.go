package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/advisory"
)

// OpenAppend is a transaction that appends and has not ended. What is committed after it took a sequence can't be read
// until it has.
type OpenAppend struct {
	// PID is the process of PostgreSQL: SELECT pg_terminate_backend(PID) ends the append, and stores nothing of it.
	PID         int32
	Application string
	// Client is the address from which it is connected; empty for a socket.
	Client string
	// State is PostgreSQL's, such as "idle in transaction".
	State string
	For   time.Duration
}

var openAppendsSQL = fmt.Sprintf(`SELECT a.pid, coalesce(a.application_name, ''), coalesce(host(a.client_addr), ''), coalesce(a.state, ''),
		extract(epoch FROM greatest(clock_timestamp() - a.xact_start, interval '0'))::float8
	FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
	WHERE l.locktype = 'advisory' AND l.classid = %d AND l.objid = %d AND l.objsubid = 2 AND l.granted
		AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND a.xact_start IS NOT NULL
	ORDER BY a.xact_start`, advisory.Appends, advisory.AppendsKey)

// OpenAppends returns the appends that are open at this moment, the longest first. Those of a healthy platform last
// milliseconds.
func (s *Store) OpenAppends(ctx context.Context) ([]OpenAppend, error) {
	rows, err := s.pool.Query(ctx, openAppendsSQL)
	if err != nil {
		return nil, fmt.Errorf("look for open appends: %w", err)
	}
	open, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a OpenAppend, err error) {
		var seconds float64
		err = row.Scan(&a.PID, &a.Application, &a.Client, &a.State, &seconds)
		a.For = time.Duration(seconds * float64(time.Second))
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for open appends: %w", err)
	}
	return open, nil
}
