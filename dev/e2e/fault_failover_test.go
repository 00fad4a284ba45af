package e2e_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

var failover = fault{
	name: "postgres-failover",
	what: "PostgreSQL fails over to a replica that lagged",
	meanwhile: "Reads go on. Nothing is appended, published or resumed: what was lost would be overwritten. Requests that change something are " +
		"answered with 503 `store_unconfirmed`.",
	told: []alarm{{alert: "OrderloomStoreUnconfirmed"}},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  is confirmed`},
		{command: "verify", status: 3, says: "Nothing is appended until \"orderloom recover\" has mended it"},
		{command: "recover", status: 3, says: "run it with --confirm"},
	},
	mended: "`orderloom recover --confirm` takes back what Kafka, Temporal and the gateway know ([backup.md](backup.md)). The other drills of " +
		"a restored store are `make drill-restore`.",
	drill: drillFailover,
}

// drillFailover lets a replica lag, and promotes it after the primary has ended. Processes find it by themselves.
func drillFailover(t *testing.T, d *drill) {
	settings := map[string]string{"wal_level": "replica", "max_wal_senders": "4", "wal_keep_size": "256MB", "hot_standby": "on"}
	primary := startPostgres(t, pgserver.Options{Settings: settings})
	require.NoError(t, primary.CreateDatabase(t.Context(), "orderloom"))
	replica := replicaOf(t, primary, settings)
	d.open(t, "DATABASE_URL", both(t, primary, replica))
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)
	do := atServer(t, replica.URL("postgres"))
	requireFollows(t, primary, replica)
	do("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()") // it lags from now on
	d.place(t)
	await(t, "everything to be published", func() bool {
		var published bool
		require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT (SELECT position FROM orderloom.relay_cursors) >= (SELECT max(sequence) FROM orderloom.events)
			AND NOT EXISTS (SELECT FROM orderloom.customer_keys WHERE NOT published)`).Scan(&published))
		return published
	})

	require.NoError(t, primary.Stop(t.Context()))
	do("SELECT pg_promote()")
	d.requireTold(t)
	d.requireNamed(t)
	d.run(t, "recover", "--confirm")

	d.openShop(t)
	for _, w := range d.orders {
		w.order.shop = d.shop
	}
	d.place(t)
	d.requireEnds(t)
}

// both is the address of two servers: a process finds the one that takes writes.
func both(t *testing.T, primary, replica *pgserver.Server) string {
	t.Helper()
	one, err := url.Parse(primary.URL("orderloom"))
	require.NoError(t, err)
	two, err := url.Parse(replica.URL("orderloom"))
	require.NoError(t, err)
	one.Host += "," + two.Host
	one.RawQuery += "&target_session_attrs=read-write"
	return one.String()
}

// replicaOf starts a replica that follows a server. It is copied as pg_basebackup does, which not every machine has.
func replicaOf(t *testing.T, primary *pgserver.Server, settings map[string]string) *pgserver.Server {
	t.Helper()
	db, err := pgx.Connect(t.Context(), primary.URL("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(t.Context())) }()
	var data, label string
	require.NoError(t, db.QueryRow(t.Context(), "SELECT current_setting('data_directory')").Scan(&data))
	home, err := os.MkdirTemp("/var/tmp", "orderloom-replica-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	_, err = db.Exec(t.Context(), "SELECT pg_backup_start('a drill', true)")
	require.NoError(t, err)
	cluster := filepath.Join(home, "cluster")
	out, err := exec.CommandContext(t.Context(), "cp", "-a", data, cluster).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, db.QueryRow(t.Context(), "SELECT labelfile FROM pg_backup_stop()").Scan(&label))
	require.NoError(t, os.Remove(filepath.Join(cluster, "postmaster.pid")))
	for name, text := range map[string]string{
		filepath.Join(cluster, "backup_label"): label, filepath.Join(cluster, "standby.signal"): "",
		filepath.Join(home, "password"): primary.Password() + "\n",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	f, err := os.OpenFile(filepath.Join(cluster, "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = fmt.Fprintf(f, "primary_conninfo = '%s'\n", primary.URL("postgres"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	if os.Geteuid() == 0 {
		out, err := exec.CommandContext(t.Context(), "chown", "-R", "postgres", home).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return startPostgres(t, pgserver.Options{Dir: home, Settings: settings})
}

// requireFollows waits until a replica has all that its primary has.
func requireFollows(t *testing.T, primary, replica *pgserver.Server) {
	t.Helper()
	position := func(s *pgserver.Server, sql string) (lsn string) {
		db, err := pgx.Connect(t.Context(), s.URL("postgres"))
		require.NoError(t, err)
		defer func() { _ = db.Close(context.Background()) }()
		require.NoError(t, db.QueryRow(t.Context(), sql).Scan(&lsn))
		return lsn
	}
	last := position(primary, "SELECT pg_current_wal_flush_lsn()::text")
	await(t, "the replica to follow", func() bool {
		return position(replica, "SELECT (pg_last_wal_replay_lsn() >= '"+last+"'::pg_lsn)::text") == "true"
	})
}
