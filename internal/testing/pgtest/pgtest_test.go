package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, other := pgtest.Pool(t), pgtest.Pool(t)
	_, err := one.Exec(t.Context(), "CREATE TABLE mine (id int)")
	require.NoError(t, err)
	var seen *string
	require.NoError(t, other.QueryRow(t.Context(), "SELECT to_regclass('mine')::text").Scan(&seen))
	require.Nil(t, seen)
	require.NoError(t, one.QueryRow(t.Context(), "SELECT to_regclass('orderloom.events')::text").Scan(&seen))
	require.NotNil(t, seen, "the database is migrated")
}

func TestTheDatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("a test", func(t *testing.T) { url = pgtest.Database(t) })
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}

func TestEmptyHasNoSchema(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.Empty(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var seen *string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT to_regclass('orderloom.events')::text").Scan(&seen))
	require.Nil(t, seen)
}
