package eventstore

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/migrations"
	"github.com/stretchr/testify/require"
)

// dumpAndRestore copies the database with pg_dump and psql, as an operator would. Where the machine has none of the
// server's version, it sends the statements that they send.
func dumpAndRestore(t *testing.T, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	target := pgtest.Empty(t)
	copied, err := pgxpool.New(t.Context(), target)
	require.NoError(t, err)
	t.Cleanup(copied.Close)
	var version string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT split_part(current_setting('server_version'), '.', 1)").Scan(&version))
	dump, psql := tool(t, "pg_dump", version), tool(t, "psql", version)
	if dump == "" || psql == "" {
		copyTables(t, pool, copied)
		return copied
	}
	file := filepath.Join(t.TempDir(), "dump.sql")
	run(t, dump, "--dbname="+pool.Config().ConnString(), "--schema=orderloom", "--file="+file)
	run(t, psql, "--dbname="+target, "--quiet", "--set=ON_ERROR_STOP=1", "--file="+file, "--output="+os.DevNull)
	return copied
}

// tool returns the path of a program of PostgreSQL in a version, "" where there is none.
func tool(t *testing.T, name, version string) string {
	t.Helper()
	for _, path := range []string{"/usr/lib/postgresql/" + version + "/bin/" + name, "/usr/pgsql-" + version + "/bin/" + name, name} {
		out, err := exec.CommandContext(t.Context(), path, "--version").Output()
		if err == nil && strings.Contains(string(out), "(PostgreSQL) "+version+".") {
			return path
		}
	}
	return ""
}

func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput()
	require.NoError(t, err, string(out))
}

// copyTables copies what pg_dump would: functions, all rows as of one moment, and where the sequences stand.
func copyTables(t *testing.T, from, to *pgxpool.Pool) {
	t.Helper()
	require.NoError(t, migrations.Apply(t.Context(), to))
	source, err := from.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	require.NoError(t, err)
	target, err := to.Begin(t.Context())
	require.NoError(t, err)
	exec := func(sql string) {
		_, err := target.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
	}
	list := func(sql string) []string {
		rows, err := source.Query(t.Context(), sql)
		require.NoError(t, err)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return names
	}
	exec("SET LOCAL session_replication_role = replica") // no trigger fires
	for _, function := range list(`SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'orderloom'::regnamespace`) {
		exec(function)
	}
	tables := list(`SELECT c.oid::regclass::text FROM pg_class c
		WHERE c.relnamespace = 'orderloom'::regnamespace AND c.relkind = 'r' AND c.relname <> 'schema_migrations'`)
	exec("TRUNCATE " + strings.Join(tables, ", "))
	for _, table := range tables {
		var rows bytes.Buffer
		_, err := source.Conn().PgConn().CopyTo(t.Context(), &rows, "COPY "+table+" TO STDOUT")
		require.NoError(t, err)
		_, err = target.Conn().PgConn().CopyFrom(t.Context(), &rows, "COPY "+table+" FROM STDIN")
		require.NoError(t, err)
	}
	for _, statement := range list(`SELECT format('SELECT setval(%L, %s)', schemaname || '.' || sequencename, last_value)
		FROM pg_sequences WHERE schemaname = 'orderloom' AND last_value IS NOT NULL`) {
		exec(statement)
	}
	require.NoError(t, target.Commit(t.Context()))
	require.NoError(t, source.Commit(t.Context()))
}
