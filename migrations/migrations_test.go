package migrations_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/pgtest"
	"github.com/orderloom/orderloom/migrations"
	"github.com/stretchr/testify/require"
)

func empty(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.Empty(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestMigrationsApplyOnceHoweverManyTry(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := migrations.Apply(t.Context(), pool); err != nil {
				t.Errorf("apply: %v", err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, migrations.Apply(t.Context(), pool))
	all, err := migrations.All()
	require.NoError(t, err)
	var applied int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM orderloom.schema_migrations").Scan(&applied))
	require.Equal(t, len(all), applied)
}

func TestAnEditedMigrationIsRefused(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	one := migrations.Migration{Number: 1, Name: "one", SQL: "CREATE TABLE orderloom.one ()", Checksum: "a"}
	two := migrations.Migration{Number: 2, Name: "two", SQL: "CREATE TABLE orderloom.two ()", Checksum: "b"}
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{one}))
	one.Checksum = "edited"
	require.ErrorIs(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{one, two}), migrations.ErrEdited)
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	bad := migrations.Migration{Number: 1, Name: "bad", SQL: "CREATE TABLE orderloom.one (); SELECT 1/0", Checksum: "a"}
	require.ErrorContains(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{bad}), "00001_bad")
	bad.SQL = "CREATE TABLE orderloom.one ()"
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{bad}))
}

// A database that was filled before event ids had to be unique is migrated all the same, with an index on
// every partition, unique where they are.
func TestEventIDsBecomeUniqueWhereTheyCan(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	all, err := migrations.All()
	require.NoError(t, err)
	const before = 5 // migrations
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, all[:before]))
	_, err = pool.Exec(t.Context(), `INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version,
			aggregate_type, event_type, payload)
		SELECT n, 1, now(), gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 1, 'order', 'Noted', '{}' FROM generate_series(1, 2) n`)
	require.NoError(t, err)
	require.NoError(t, migrations.Apply(t.Context(), pool))
	var unique, plain, without []string
	const sql = `SELECT coalesce(array_agg(p.name) FILTER (WHERE i.indisunique), '{}'), coalesce(array_agg(p.name) FILTER (WHERE NOT i.indisunique), '{}'),
			coalesce(array_agg(p.name) FILTER (WHERE i IS NULL), '{}')
		FROM orderloom.partitions p LEFT JOIN pg_index i ON i.indexrelid = to_regclass('orderloom.' || p.name || '_event_id')`
	require.NoError(t, pool.QueryRow(t.Context(), sql).Scan(&unique, &plain, &without))
	require.NotEmpty(t, unique)
	require.Equal(t, []string{"events_0000000000000"}, plain)
	require.Empty(t, without)
}
