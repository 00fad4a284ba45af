package eventstore

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// The tests of this file force the interleavings in which event stores lose events. Each runs twice: with the line
// that protects, which is named in the test, and with that line taken out of the database's functions. Without the
// line it must see the loss. A test that can't see it proves nothing.

// protection is a piece of a function's source and what stands there without the protection.
type protection struct{ function, line, without string }

// take takes the protection out of a test database.
func (p protection) take(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var source string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT pg_get_functiondef($1::regproc)", p.function).Scan(&source))
	require.Equal(t, 1, strings.Count(source, p.line), "the protection has moved: %s", p.line)
	_, err := pool.Exec(t.Context(), strings.Replace(source, p.line, p.without, 1))
	require.NoError(t, err)
}

// statement takes a protection out that is no line of a function.
type statement string

func (s statement) take(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), string(s))
	require.NoError(t, err)
}

// taker takes a protection out of a test database.
type taker interface {
	take(t *testing.T, pool *pgxpool.Pool)
}

// bothWays runs a test with the protection and without it.
func bothWays(t *testing.T, p taker, test func(t *testing.T, pool *pgxpool.Pool, protected bool)) {
	t.Helper()
	t.Run("protected", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Pool(t), true)
	})
	t.Run("without the protection", func(t *testing.T) {
		t.Parallel()
		pool := pgtest.Pool(t)
		p.take(t, pool)
		test(t, pool, false)
	})
}

func process(t *testing.T, pool *pgxpool.Pool) *Store {
	t.Helper()
	store, err := Open(t.Context(), pool, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	return store
}

func oneEvent(stream StreamID, expected int64) Append {
	return Append{Stream: stream, Expected: expected, Events: []NewEvent{{
		ID: uuid.New(), Type: "Noted", SchemaVersion: 1, Payload: json.RawMessage(`{"n":1}`), Timestamp: time.Now(),
	}}}
}

func newStream() StreamID { return StreamID{Type: domain.AggregateOrder, ID: uuid.New()} }

// openAppend is an append of another process that has not committed yet.
type openAppend struct {
	engine *postgres
	group  *group
}

func begin(t *testing.T, pool *pgxpool.Pool, a ...Append) *openAppend {
	t.Helper()
	o := &openAppend{engine: newPostgres(pool), group: newGroup(a)}
	require.NoError(t, o.engine.ready(t.Context()))
	t.Cleanup(func() { o.engine.close(context.WithoutCancel(t.Context())) })
	require.NoError(t, o.engine.lock(t.Context(), nil, false)) // only opens the transaction
	require.NoError(t, o.engine.append(t.Context(), []*group{o.group}))
	return o
}

func (o *openAppend) end(t *testing.T, commit bool) {
	t.Helper()
	require.NoError(t, o.engine.unlock(t.Context(), commit))
}

func readAll(t *testing.T, s *Store, after int64) Page {
	t.Helper()
	page, err := s.Read(t.Context(), ReadOptions{After: after})
	require.NoError(t, err)
	return page
}

// A number is taken, a later one commits, a reader comes by, the first one commits. The reader must not
// have passed it. Protected by the shared lock that an append takes before it takes numbers.
func TestANumberThatCommitsLateIsNotSkipped(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append", "PERFORM pg_advisory_xact_lock_shared(7308613, 1);", ""}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		late := begin(t, pool, oneEvent(newStream(), NoStream))
		_, err := store.Append(t.Context(), oneEvent(newStream(), NoStream))
		require.NoError(t, err)
		first := readAll(t, store, 0)
		late.end(t, true)
		second := readAll(t, store, first.Next)
		if !protected {
			require.Len(t, append(first.Events, second.Events...), 1, "without the lock the late event is lost to the reader")
			return
		}
		require.Empty(t, first.Events)
		require.Len(t, second.Events, 2)
		require.Equal(t, late.group.events[0].position, second.Events[0].Sequence)
	})
}

// While there is always some append open, the mark still advances. A candidate only waits for those that held the
// lock when it was looked at.
func TestTheMarkAdvancesUnderNeverEndingAppends(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	open := begin(t, pool, oneEvent(newStream(), NoStream))
	var cursor int64
	for range 5 {
		before := readAll(t, store, cursor)
		next := begin(t, pool, oneEvent(newStream(), NoStream))
		open.end(t, true)
		after := readAll(t, store, before.Next)
		require.Equal(t, open.group.events[0].position, after.Next, "read as soon as it is final, though another append is open")
		cursor, open = after.Next, next
	}
	open.end(t, true)
}

// An append takes numbers and rolls back. The reader neither waits for them for ever nor stops short.
// Protected by waiting for holders of the lock rather than for numbers.
func TestNumbersThatNobodyCommitsAreSteppedOver(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	lost := begin(t, pool, oneEvent(newStream(), NoStream))
	appended, err := store.Append(t.Context(), oneEvent(newStream(), NoStream))
	require.NoError(t, err)
	require.Empty(t, readAll(t, store, 0).Events)
	lost.end(t, false)
	page := readAll(t, store, 0)
	require.Len(t, page.Events, 1)
	require.Equal(t, appended[0].Positions[0], page.Next)
	require.Greater(t, page.Next, lost.group.events[0].position)
}

// A conflict among appends that are sent together neither burns numbers nor harms the others. Protected by
// comparing the version in the row of the stream before a number is taken for the event.
func TestAConflictBurnsNoNumbers(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append", "WHERE status IS NULL OR status[e.stream] = 0", ""}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		stream := newStream()
		_, err := store.Append(t.Context(), oneEvent(stream, NoStream))
		require.NoError(t, err)
		loser, winner := newGroup([]Append{oneEvent(stream, NoStream)}), newGroup([]Append{oneEvent(newStream(), NoStream)})
		err = store.engine.append(t.Context(), []*group{loser, winner})
		if !protected {
			require.ErrorContains(t, err, "duplicate key", "only the index notices")
			return
		}
		require.NoError(t, err)
		require.Equal(t, statusConflict, loser.streams[0].status)
		require.Equal(t, statusAppended, winner.streams[0].status)
		require.EqualValues(t, 2, winner.events[0].position)
	})
}

// Two processes append to one stream at the same version; the second waits for the first and must then see
// what it did. Protected by comparing the version again once the row is free.
func TestTwoProcessesOnOneStream(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append", "AND (s.version = c.expected OR c.expected = -1)", ""}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		stream := newStream()
		_, err := store.Append(t.Context(), oneEvent(stream, NoStream))
		require.NoError(t, err)
		for _, commit := range []bool{true, false} {
			first := begin(t, pool, oneEvent(stream, 1))
			outcome := make(chan error, 1)
			go func() {
				_, err := store.Append(t.Context(), oneEvent(stream, 1))
				outcome <- err
			}()
			awaitBlocked(t, pool)
			first.end(t, commit)
			err := <-outcome
			var conflict *ConcurrencyConflict
			switch {
			case !protected:
				require.Error(t, err)
				require.NotErrorAs(t, err, &conflict, "the second goes on as if the first had not been; only the index stops it")
				return
			case commit:
				require.ErrorAs(t, err, &conflict)
				require.EqualValues(t, 2, conflict.Actual)
				stream = newStream()
				_, err = store.Append(t.Context(), oneEvent(stream, NoStream))
				require.NoError(t, err)
			default:
				require.NoError(t, err, "the first one rolled back")
			}
		}
	})
}

// awaitBlocked waits until a transaction of the database waits for another's row.
func awaitBlocked(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	require.Eventually(t, func() bool {
		var n int
		const sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
		return pool.QueryRow(t.Context(), sql).Scan(&n) == nil && n > 0
	}, waitMax, waitStep)
}

// A retry must find its own events, though others have appended since. Protected by looking for the event
// ids where the version has moved.
func TestARetryFindsItsEvents(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append_settle", "IF d.found = 0 THEN", "IF true THEN"}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		stream := newStream()
		a := oneEvent(stream, NoStream)
		first, err := store.Append(t.Context(), a)
		require.NoError(t, err)
		_, err = store.Append(t.Context(), oneEvent(stream, 1))
		require.NoError(t, err)
		again, err := store.Append(t.Context(), a)
		if !protected {
			require.Error(t, err, "the caller is told that what it stored was refused")
			return
		}
		require.NoError(t, err)
		require.Equal(t, first[0].Positions, again[0].Positions)
	})
}

// Two processes use one event id at the same moment, on two streams: one has it. Protected by the unique
// index of event ids that each partition has.
func TestTwoProcessesWithOneEventID(t *testing.T) {
	t.Parallel()
	p := statement("DROP INDEX orderloom.events_0000000000000_event_id")
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		for _, commit := range []bool{true, false} {
			a, b := oneEvent(newStream(), NoStream), oneEvent(newStream(), NoStream)
			b.Events[0].ID = a.Events[0].ID
			first := begin(t, pool, a)
			if !protected {
				_, err := store.Append(t.Context(), b)
				require.NoError(t, err, "one id names two events")
				first.end(t, commit)
				continue
			}
			outcome := make(chan error, 1)
			go func() {
				_, err := store.Append(t.Context(), b)
				outcome <- err
			}()
			awaitBlocked(t, pool)
			first.end(t, commit)
			if err := <-outcome; commit {
				var refused *InvalidError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, CodeEventIDReused, refused.Code)
				require.Equal(t, b.Stream, refused.Stream)
				require.Zero(t, refused.Index)
				require.Zero(t, stored(t, pool, b))
			} else {
				require.NoError(t, err, "the first one rolled back")
			}
		}
	})
}

// Two processes send the same append at the same moment. The second waits on the row of the stream, then
// finds the events; it never comes to their ids in the index. Protected by comparing the version in the
// row before an event is inserted.
func TestTwoProcessesRetryOneAppend(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append", "WHERE status IS NULL OR status[e.stream] = 0", ""}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		for _, expected := range []int64{NoStream, Any} {
			for _, commit := range []bool{true, false} {
				a := oneEvent(newStream(), expected)
				first := begin(t, pool, a)
				type answer struct {
					appended []Appended
					err      error
				}
				outcome := make(chan answer, 1)
				go func() {
					appended, err := store.Append(t.Context(), a)
					outcome <- answer{appended, err}
				}()
				awaitBlocked(t, pool)
				first.end(t, commit)
				second := <-outcome
				if !protected {
					require.Error(t, second.err, "the index refuses what was a retry")
					return
				}
				require.NoError(t, second.err)
				require.Equal(t, commit, second.appended[0].Duplicate)
				if commit {
					require.Equal(t, first.group.events[0].position, second.appended[0].Positions[0])
				}
				require.Equal(t, 1, stored(t, pool, a))
			}
		}
	})
}

// However many processes send the same appends at once, whatever version they expect, each append is stored
// once and all are told where.
func TestManyProcessesRetryTheSameAppends(t *testing.T) {
	t.Parallel()
	const processes, rounds = 4, 25
	pool := pgtest.Pool(t)
	var stores [processes]*Store
	for i := range stores {
		stores[i] = process(t, pool)
	}
	long := newStream()
	for round := range int64(rounds) {
		groups := [][]Append{
			{oneEvent(newStream(), NoStream), oneEvent(newStream(), NoStream)},
			{oneEvent(newStream(), Any), oneEvent(newStream(), Any)},
			{oneEvent(long, round), oneEvent(newStream(), NoStream)},
		}
		var results [processes][][]Appended
		var wg sync.WaitGroup
		for i, store := range stores {
			results[i] = make([][]Appended, len(groups))
			for j, g := range groups {
				wg.Go(func() {
					var err error
					if results[i][j], err = store.Append(t.Context(), g...); err != nil {
						t.Errorf("process %d, append %d: %v", i, j, err)
					}
				})
			}
		}
		wg.Wait()
		require.False(t, t.Failed())
		for j := range groups {
			fresh := 0
			for i := range stores {
				if !results[i][j][0].Duplicate {
					fresh++
				}
				require.Equal(t, results[0][j][0].Positions, results[i][j][0].Positions)
				require.Equal(t, results[0][j][1].Positions, results[i][j][1].Positions)
			}
			require.Equal(t, 1, fresh)
		}
	}
	require.Len(t, readAll(t, stores[0], 0).Events, rounds*6)
}

// A role that may append and read, and owns nothing, is not told by the server which id it was.
func TestAUsedIDIsNamedToARoleThatMayNotReadPartitions(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	role := "appender_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err := pool.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA orderloom TO `+role+`;
		GRANT SELECT, INSERT, UPDATE, DELETE ON orderloom.streams TO `+role+`; GRANT SELECT, INSERT ON orderloom.events TO `+role+`;
		GRANT SELECT ON orderloom.partitions, orderloom.event_id_filters TO `+role+`;
		GRANT SELECT, USAGE ON orderloom.event_sequence TO `+role, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = pool.Exec(context.WithoutCancel(t.Context()), `DROP OWNED BY `+role+`; DROP ROLE `+role, pgx.QueryExecModeSimpleProtocol)
	})
	address, err := url.Parse(pool.Config().ConnString())
	require.NoError(t, err)
	address.User = url.UserPassword(role, "p")
	limited, err := pgxpool.New(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(limited.Close)
	store := process(t, limited)
	a, b := oneEvent(newStream(), NoStream), oneEvent(newStream(), NoStream)
	_, err = store.Append(t.Context(), a)
	require.NoError(t, err)
	b.Events = append(b.Events, a.Events...)
	_, err = store.Append(t.Context(), b)
	var refused *InvalidError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, b.Stream, refused.Stream)
	require.Equal(t, 1, refused.Index)
}

// A group whose second stream loses must not leave its first one changed. Protected by taking back what the
// group's other streams have set.
func TestAGroupThatLosesLeavesNothing(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append_settle", "IF won[i] AND status[i] <> 0 THEN", "IF false THEN"}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		good, bad := newStream(), newStream()
		_, err := store.Append(t.Context(), oneEvent(good, NoStream))
		require.NoError(t, err)
		_, err = store.Append(t.Context(), oneEvent(good, 1), oneEvent(bad, 7))
		var conflict *ConcurrencyConflict
		require.ErrorAs(t, err, &conflict)
		_, err = store.Append(t.Context(), oneEvent(good, 1))
		if !protected {
			require.ErrorAs(t, err, &conflict, "the row counts an event that is not there")
			return
		}
		require.NoError(t, err)
	})
}

// A dump is taken while an append is open and a reader goes on, and restored elsewhere. The cursor, a number, is
// valid there; the reader that has seen what the dump lacks must notice. Protected by beginning a new epoch when the
// store finds itself in another database.
func TestAReaderNoticesARestoredStore(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.identify", "IF known.fingerprint = found_at THEN\n        RETURN;\n    END IF;\n    -- One process", "IF known.epoch IS NOT NULL THEN\n        RETURN;\n    END IF;\n    -- One process"}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		store := process(t, pool)
		for range 3 {
			_, err := store.Append(t.Context(), oneEvent(newStream(), NoStream))
			require.NoError(t, err)
		}
		here, err := store.Check(t.Context(), Cursor{})
		require.NoError(t, err)
		inTime := Cursor{Store: here.ID, Epoch: here.Epoch, Position: readAll(t, store, 0).Next}
		open := begin(t, pool, oneEvent(newStream(), NoStream))
		_, err = store.Append(t.Context(), oneEvent(newStream(), NoStream))
		require.NoError(t, err)

		restored := process(t, dumpAndRestore(t, pool))
		confirm(t, restored)

		require.Equal(t, inTime.Position, readAll(t, store, inTime.Position).Next, "the open append holds the reader here too")
		open.end(t, true)
		require.Len(t, readAll(t, store, inTime.Position).Events, 2)
		for range 4 {
			_, err = store.Append(t.Context(), oneEvent(newStream(), NoStream))
			require.NoError(t, err)
		}
		ahead := Cursor{Store: here.ID, Epoch: here.Epoch, Position: readAll(t, store, 0).Next}
		_, err = store.Check(t.Context(), ahead)
		require.NoError(t, err)

		for range 6 { // more than the original has: the numbers alone don't tell
			_, err := restored.Append(t.Context(), oneEvent(newStream(), NoStream))
			require.NoError(t, err)
		}
		identity, err := restored.Check(t.Context(), ahead)
		if !protected {
			require.NoError(t, err, "the reader goes on and misses what now stands under the numbers it has passed")
			return
		}
		var changed *StoreChangedError
		require.ErrorAs(t, err, &changed)
		require.Equal(t, CodeStoreBehind, changed.Code)
		require.Contains(t, err.Error(), "rebuild")
		require.Equal(t, here.ID, identity.ID)
		require.Equal(t, here.Epoch+1, identity.Epoch)

		_, err = restored.Check(t.Context(), inTime)
		require.NoError(t, err, "a reader that has seen no more than the dump holds goes on")
		events := readAll(t, restored, inTime.Position).Events
		require.Len(t, events, 7, "one from the dump, six since; none is skipped")
		for _, e := range events {
			require.Greater(t, e.Sequence, inTime.Position)
		}

		strange := pgtest.Pool(t)
		_, err = strange.Exec(t.Context(), "UPDATE orderloom.store SET id = gen_random_uuid()") // test databases are copies of one
		require.NoError(t, err)
		other := process(t, strange)
		_, err = other.Check(t.Context(), ahead)
		require.ErrorAs(t, err, &changed)
		require.Equal(t, CodeStoreReplaced, changed.Code)
	})
}

// smallPartitions makes partitions of ten events, so that a test fills some.
func smallPartitions(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `UPDATE orderloom.store SET partition_span = 10, partitions_ahead = 1;
		DELETE FROM orderloom.partitions;
		DROP TABLE orderloom.events_0000000000000, orderloom.events_0000005000000, orderloom.events_0000010000000;
		SELECT orderloom.ensure_partitions()`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

// An event id is refused also when its first event lies in an older partition. That holds in the process that filled
// the partition and in another, with a filter and without one yet, with rows held and without. Retries of old events
// remain retries. Protected by the append not going beyond what the caller's filters reach to.
func TestAnEventIDOfAnOlderPartitionIsRefused(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append", "IF positions[cardinality(positions)] >= reach THEN", "IF false THEN"}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		smallPartitions(t, pool)
		store := process(t, pool)
		long := newStream()
		first := oneEvent(long, 0)
		_, err := store.Append(t.Context(), first)
		require.NoError(t, err)
		for version := range int64(8) { // the next event is the first of the next partition
			_, err := store.Append(t.Context(), oneEvent(long, version+1))
			require.NoError(t, err)
		}
		reuse := func(store *Store) error {
			t.Helper()
			reused := oneEvent(newStream(), NoStream)
			reused.Events = append(reused.Events, oneEvent(newStream(), NoStream).Events...)
			reused.Events[1].ID = first.Events[0].ID
			_, err := store.Append(t.Context(), reused)
			if err != nil {
				var invalid *InvalidError
				require.ErrorAs(t, err, &invalid)
				require.Equal(t, CodeEventIDReused, invalid.Code)
				require.Equal(t, reused.Stream, invalid.Stream)
				require.Equal(t, 1, invalid.Index)
				events, err := store.Load(t.Context(), reused.Stream, 0)
				require.NoError(t, err)
				require.Empty(t, events)
			}
			return err
		}
		if !protected {
			require.NoError(t, reuse(store), "the process doesn't notice that a partition is full")
			return
		}
		require.Error(t, reuse(store), "the partition is full and has no filter")
		_, err = store.Maintain(t.Context())
		require.NoError(t, err)
		other := process(t, pool)
		require.False(t, other.engine.ids.behind())
		for range 12 { // over the next border
			require.Error(t, reuse(store))
			require.Error(t, reuse(other))
			for _, s := range []*Store{store, other} {
				again, err := s.Append(t.Context(), first)
				require.NoError(t, err)
				require.True(t, again[0].Duplicate)
			}
			_, err := store.Append(t.Context(), oneEvent(newStream(), NoStream))
			require.NoError(t, err)
		}
		good, bad := oneEvent(newStream(), NoStream), oneEvent(newStream(), NoStream)
		bad.Events[0].ID = first.Events[0].ID
		groups := []*group{newGroup([]Append{good}), newGroup([]Append{bad})}
		callers := []*request{{ctx: t.Context()}}
		store.flusher.append(groups, callers)
		require.True(t, groups[0].stored(), "neighbours are stored")
		require.True(t, groups[1].idUsed())

		require.NoError(t, store.engine.lock(t.Context(), []StreamID{long}, false))
		var used *usedIDError
		require.ErrorAs(t, store.engine.append(t.Context(), groups[1:]), &used)
		require.Equal(t, first.Events[0].ID, used.id)
		require.NoError(t, store.engine.unlock(t.Context(), false))
	})
}

// The partitions that are needed are there before they are, and are made on the way if they are not.
func TestPartitionsAreMadeArchivedAndStillRead(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	smallPartitions(t, pool)
	store := process(t, pool)
	long := newStream()
	for version := range int64(45) {
		_, err := store.Append(t.Context(), oneEvent(long, version))
		require.NoError(t, err)
	}
	events := readAll(t, store, 0).Events
	require.Len(t, events, 45)
	indexed, err := store.Maintain(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, indexed)
	indexed, err = store.Maintain(t.Context())
	require.NoError(t, err)
	require.Zero(t, indexed)

	// An append that comes to a partition before one without a filter is made twice, which leaves a gap.
	last := func(i int) int64 { return events[i-1].Sequence }
	check := func() {
		t.Helper()
		require.Equal(t, events, readAll(t, store, 0).Events)
		require.Equal(t, events[14:], readAll(t, store, last(14)).Events)
		loaded, err := store.Load(t.Context(), long, 0)
		require.NoError(t, err)
		require.Equal(t, events, loaded)
		loaded, err = store.Load(t.Context(), long, 13)
		require.NoError(t, err)
		require.Equal(t, events[13:], loaded)
		page, err := store.Read(t.Context(), ReadOptions{After: last(5), Limit: 7})
		require.NoError(t, err)
		require.Equal(t, events[5:12], page.Events)
		require.True(t, page.More)
		var ranged []domain.Envelope
		for e, err := range store.Events(t.Context(), ReadOptions{After: last(3), Limit: 7, Filter: Filter{EventTypes: []string{"Noted"}}}) {
			require.NoError(t, err)
			ranged = append(ranged, e)
		}
		require.Equal(t, events[3:], ranged)
	}
	check()
	for range 3 {
		p, err := store.Archive(t.Context())
		require.NoError(t, err)
		require.False(t, p.ArchivedAt.IsZero())
		check()
	}
	_, err = store.Archive(t.Context())
	require.NoError(t, err)
	_, err = store.Archive(t.Context())
	require.EqualValues(t, "nothing_to_archive", domain.Code(err))
	retry := oneEvent(long, 44)
	retry.Events[0].ID = events[44].EventID
	again, err := store.Append(t.Context(), retry)
	require.NoError(t, err)
	require.True(t, again[0].Duplicate)
	reused := oneEvent(newStream(), NoStream)
	reused.Events[0].ID = events[44].EventID
	_, err = store.Append(t.Context(), reused)
	require.Equal(t, CodeEventIDReused, domain.Code(err), "each partition knows its event ids")

	for range 4 {
		_, err := store.Unarchive(t.Context())
		require.NoError(t, err)
		check()
	}
	_, err = store.Unarchive(t.Context())
	require.EqualValues(t, "nothing_archived", domain.Code(err))
	partitions, err := store.Partitions(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(partitions), 5)
}

// How long tests wait for a condition, and how often they look.
const (
	waitMax  = 10 * time.Second
	waitStep = time.Millisecond
)
