// Package advisory lists the advisory locks of PostgreSQL that Orderloom takes, so that no two uses share a key.
//
// PostgreSQL knows two kinds of keys, which never meet: one number, and a pair of a class and a number. A lock belongs
// to a database, and lasts for a transaction or for a session.
package advisory

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/drain"
)

// Keys that are one number. Each is held for a transaction.
const (
	// Migrations keeps processes apart that migrate the same database.
	Migrations int64 = 7_308_613_000
	// Partitions keeps processes apart that make partitions of the events table (orderloom.ensure_partitions).
	Partitions int64 = 7_308_613_002
	// StoreEpoch keeps processes apart that begin a new epoch of the event store (orderloom.identify).
	StoreEpoch int64 = 7_308_613_003
	// Audit keeps processes apart that make and drop partitions of the audit table (orderloom.audit_maintain).
	Audit int64 = 7_308_613_005
	// Webhooks lets processes take endpoints of webhooks one after the other (orderloom.webhook_beat).
	Webhooks int64 = 7_308_613_016
	// ContactIndex is shared by projectors that index contacts, and taken alone by whoever destroys customers' keys.
	ContactIndex int64 = 7_308_613_004
)

// Class is the first number of a key that is a pair.
type Class int32

// Classes of keys.
const (
	// Appends is shared by all appends, with [AppendsKey], from before they take a sequence until their commit is
	// visible (orderloom.append). An exclusive append takes it alone. The high-water mark looks for who holds it.
	Appends Class = 7_308_613
	// RelayLeader is held by the relay that leads, for its session. The second number is the cursor's name.
	RelayLeader Class = 0x6f6c
	// Rebuild is held by a rebuild, for its session. The second number is the projection's name.
	Rebuild Class = 0x6f6d
	// Recovery is held by a recovery of the event store, for its session.
	Recovery Class = 0x6f6e
)

// Second numbers of the keys of [Appends].
const (
	AppendsKey int32 = 1
	// RestKey is shared by all appends, from when they begin until they end. Who rests until something is appended
	// holds it alone, for its session. An append that can't share it tells the channel [AppendedChannel].
	RestKey int32 = 2
)

// AppendedChannel is told by appends while a session holds [RestKey].
const AppendedChannel = "orderloom_appended"

// unlockTimeout bounds the return of a session's lock.
const unlockTimeout = 5 * time.Second

// TryLock takes the lock of a class and a name for the session of conn. It reports false when another session has it.
func TryLock(ctx context.Context, conn *pgxpool.Conn, class Class, name string) (locked bool, err error) {
	return tryLock(ctx, conn, class, hash(name))
}

func tryLock(ctx context.Context, conn *pgxpool.Conn, class Class, key int32) (locked bool, err error) {
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, $2)`, int32(class), key).Scan(&locked); err != nil {
		return false, fmt.Errorf("take an advisory lock: %w", err)
	}
	return locked, nil
}

// TryRest takes the lock of those who rest for the session of conn, and lets it listen for appends. It reports false
// while an append is open, or another session rests. Once it has reported true, every append that is not visible yet
// tells conn when it commits. What was committed before can be read.
func TryRest(ctx context.Context, conn *pgxpool.Conn) (resting bool, err error) {
	if resting, err = tryLock(ctx, conn, Appends, RestKey); err != nil || !resting {
		return false, err
	}
	if _, err = conn.Exec(ctx, `LISTEN `+AppendedChannel); err != nil {
		unlock(ctx, conn, Appends, RestKey)
		return false, fmt.Errorf("listen for appends: %w", err)
	}
	return true, nil
}

// EndRest returns what [TryRest] has taken, also when ctx has ended. It closes a connection that fails.
func EndRest(ctx context.Context, conn *pgxpool.Conn) {
	unlock(ctx, conn, Appends, RestKey, `UNLISTEN `+AppendedChannel)
}

// Unlock returns a lock that [TryLock] has taken, also when ctx has ended. It closes a connection that fails, which
// returns the lock as well.
func Unlock(ctx context.Context, conn *pgxpool.Conn, class Class, name string) {
	unlock(ctx, conn, class, hash(name))
}

// unlock returns a lock, and carries out what else ends with it.
func unlock(ctx context.Context, conn *pgxpool.Conn, class Class, key int32, also ...string) {
	ctx, cancel := drain.Timeout(ctx, unlockTimeout)
	defer cancel()
	_, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1, $2)`, int32(class), key)
	for _, sql := range also {
		if err == nil {
			_, err = conn.Exec(ctx, sql)
		}
	}
	if err != nil {
		_ = conn.Conn().Close(ctx) // the server notices by itself, whatever went wrong
	}
}

// holderSQL finds the session that holds the lock of a class and a name. It tells for how long the session has said
// nothing although it is its turn.
const holderSQL = ` FROM (SELECT a.pid, CASE WHEN a.state = 'active' THEN interval '0' ELSE clock_timestamp() - a.state_change END AS silent
		FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND l.objsubid = 2 AND l.granted
			AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) holder`

// Holder reports whether a session holds the lock of a class and a name. It tells for how long that session has said
// nothing, although it is its turn.
func Holder(ctx context.Context, pool *pgxpool.Pool, class Class, name string) (held bool, silent time.Duration, err error) {
	var seconds float64
	err = pool.QueryRow(ctx, `SELECT count(*) > 0, coalesce(extract(epoch FROM max(silent)), 0)::float8`+holderSQL, int64(class), number(name)).
		Scan(&held, &seconds)
	if err != nil {
		return false, 0, fmt.Errorf("look at the holder of a lock: %w", err)
	}
	return held, time.Duration(seconds * float64(time.Second)), nil
}

// EndSilent ends the session that holds the lock of a class and a name, when it has been silent for so long (see
// [Holder]). It reports whether there was such a session. PostgreSQL itself keeps a lock for a process that is
// frozen, as long as its machine answers. A role may end its own sessions without further rights.
func EndSilent(ctx context.Context, pool *pgxpool.Pool, class Class, name string, silent time.Duration) (ended bool, err error) {
	err = pool.QueryRow(ctx, `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false)`+holderSQL+` WHERE silent > $3::interval`,
		int64(class), number(name), silent).Scan(&ended)
	if err != nil {
		return false, fmt.Errorf("end the session of a silent holder of a lock: %w", err)
	}
	return ended, nil
}

// number is the second number of a key as PostgreSQL shows it, without a sign.
func number(name string) int64 { return int64(uint32(hash(name))) } //nolint:gosec // the same 32 bits

// hash makes the second number of a key from a name.
func hash(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int32(h.Sum32()) //nolint:gosec // any 32 bits will do
}
