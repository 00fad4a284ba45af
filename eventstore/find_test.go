package eventstore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// Single events and the first ones of streams are found in all partitions, archived ones too.
func TestEventsAreFoundWhereverTheyLie(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	smallPartitions(t, pool)
	store := process(t, pool)
	var ids []uuid.UUID
	for range 15 {
		stream := newStream()
		ids = append(ids, stream.ID)
		for version := range int64(3) {
			_, err := store.Append(t.Context(), oneEvent(stream, version))
			require.NoError(t, err)
		}
	}
	_, err := store.Maintain(t.Context())
	require.NoError(t, err)
	events := readAll(t, store, 0).Events
	check := func() {
		t.Helper()
		for _, e := range events {
			found, err := store.Find(t.Context(), e.EventID)
			require.NoError(t, err)
			require.Equal(t, e, found)
		}
		_, err := store.Find(t.Context(), uuid.New())
		require.Equal(t, domain.CodeNotFound, domain.Code(err))
		first, err := store.First(t.Context(), append(slices.Clone(ids), uuid.New()))
		require.NoError(t, err)
		require.Len(t, first, len(ids))
		for _, e := range first {
			require.EqualValues(t, 1, e.Version)
			require.Contains(t, ids, e.AggregateID)
		}
	}
	check()
	for range 3 {
		_, err := store.Archive(t.Context())
		require.NoError(t, err)
		check()
	}
	// One that is marked and still attached is found once.
	_, err = pool.Exec(t.Context(), `UPDATE orderloom.partitions SET archived_at = now()
		WHERE name = (SELECT name FROM orderloom.partitions WHERE archived_at IS NULL ORDER BY from_sequence LIMIT 1)`)
	require.NoError(t, err)
	check()
	first, err := store.First(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, first)
}

// Whatever a page with a span filters by, PostgreSQL reads the rows of the span and no others.
func TestAPageWithASpanReadsNoMoreThanIt(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	const many, span = 50_000, 500
	_, err := pool.Exec(t.Context(), `INSERT INTO orderloom.events
			(sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type, payload)
		SELECT n, n, now() - n * interval '1 second', $1::uuid, gen_random_uuid(), 1, 'order', 'Common', '{}' FROM generate_series(1, $2::int) n`,
		uuid.New(), many)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `ANALYZE orderloom.events`)
	require.NoError(t, err)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for name, f := range map[string]Filter{
		"nothing": {}, "a rare type": {EventTypes: []string{"Rare"}}, "an aggregate": {AggregateTypes: []string{"payment"}},
		"a time": {From: time.Now().Add(-time.Minute), To: time.Now()},
		"all":    {EventTypes: []string{"Rare"}, AggregateTypes: []string{"payment"}, From: time.Now(), To: time.Now().Add(time.Hour)},
	} {
		o := ReadOptions{After: 20_000, Span: span, Filter: f}
		sql, args := pageSQL(eventsTable, o, o.After+o.Span, 1000)
		literals := make([]string, len(args))
		for i, arg := range args {
			switch arg := arg.(type) {
			case []string:
				literals[i] = "'{" + strings.Join(arg, ",") + "}'"
			case time.Time:
				literals[i] = "'" + arg.Format(time.RFC3339Nano) + "'"
			default:
				literals[i] = fmt.Sprint(arg)
			}
		}
		// With these values, and with any: PostgreSQL may keep a plan for all of them.
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			results, err := conn.Conn().PgConn().Exec(t.Context(), "SET plan_cache_mode = "+mode+"; PREPARE page AS "+sql+
				"; EXPLAIN (ANALYZE, COSTS off, TIMING off) EXECUTE page ("+strings.Join(literals, ", ")+"); DEALLOCATE page").ReadAll()
			require.NoError(t, err)
			plan := name + ", " + mode + ":"
			for _, row := range results[2].Rows {
				plan += "\n" + string(row[0])
			}
			require.Regexp(t, `Index Cond: \(\(?sequence >`, plan)
			require.NotContains(t, plan, "Seq Scan")
			require.NotContains(t, plan, "Bitmap")
		}
	}
}
