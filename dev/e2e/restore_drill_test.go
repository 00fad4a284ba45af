//go:build drill

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

// restoredPerState is how many orders of each state are placed before the backup, and as many again after it.
var restoredPerState = flag.Int("restored", 8, "how many orders of each state are placed before the backup, and after it")

// TestRestoringBackups carries out docs/backup.md: each way to back up and to restore, under load, in every state.
func TestRestoringBackups(t *testing.T) {
	for name, way := range map[string]restoring{
		"a dump into another database": &dumped{restored: "restore elsewhere"},
		"a dump in place":              &dumped{restored: "restore in place"},
		"to a point in time":           &archived{},
		"a replica that lagged":        &replicated{},
	} {
		t.Run(name, func(t *testing.T) { drillRestore(t, way, states, *restoredPerState) })
	}
}

// server is a PostgreSQL with a directory for backups.
type server struct {
	*pgserver.Server
	backups string
	bin     string
}

func startServer(t *testing.T, backups string, o pgserver.Options) *server {
	t.Helper()
	running, err := pgserver.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, running.Stop(context.Background())) })
	s := &server{Server: running, backups: backups}
	db := s.connect(t, "postgres")
	var version string
	require.NoError(t, db.QueryRow(t.Context(), "SELECT split_part(current_setting('server_version'), '.', 1)").Scan(&version))
	s.bin = "/usr/lib/postgresql/" + version + "/bin"
	return s
}

func (s *server) connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(t.Context(), s.URL(database))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return db
}

// backupDirectory is one that the server's account can write to.
func backupDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "orderloom-backup-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Mkdir(dir+"/wal", 0o777))
	for _, d := range []string{dir, dir + "/wal"} {
		require.NoError(t, os.Chmod(d, 0o777)) //nolint:gosec // two accounts share it
	}
	return dir
}

// do carries out commands of docs/backup.md.
func (s *server) do(t *testing.T, name string, environment ...string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/backup.md")
	require.NoError(t, err)
	found := regexp.MustCompile("(?s)<!-- drill: " + regexp.QuoteMeta(name) + " -->\n```sh drill\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, found, "docs/backup.md has no commands for %s", name)
	c := exec.CommandContext(t.Context(), "sh", "-ec", string(found[1])) //nolint:gosec // our own document's
	c.Env = append(os.Environ(), "PATH="+s.bin+":"+os.Getenv("PATH"), "BACKUP="+s.backups, "DATABASE_URL="+s.URL("orderloom"))
	c.Env = append(c.Env, environment...)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s\n%s", found[1], out)
}

// dumped is a dump of the schema.
type dumped struct {
	server   *server
	restored string
}

func (d *dumped) start(t *testing.T) string {
	d.server = startServer(t, backupDirectory(t), pgserver.Options{})
	require.NoError(t, d.server.CreateDatabase(t.Context(), "orderloom"))
	return d.server.URL("orderloom")
}

func (d *dumped) backUp(t *testing.T) { d.server.do(t, "dump") }

func (*dumped) idle() bool { return false }

func (d *dumped) restore(t *testing.T) string {
	d.server.do(t, d.restored, "RESTORED_URL="+d.server.URL("restored"))
	if d.restored == "restore in place" {
		return d.server.URL("orderloom")
	}
	return d.server.URL("restored")
}

// archived is a base backup and the archive of the write-ahead log.
type archived struct {
	server *server
	target time.Time
}

func (a *archived) start(t *testing.T) string {
	dir := backupDirectory(t)
	a.server = startServer(t, dir, pgserver.Options{Settings: map[string]string{
		"archive_mode": "on", "archive_command": fmt.Sprintf("test ! -f %s/wal/%%f && cp %%p %s/wal/%%f", dir, dir), "wal_level": "replica", "max_wal_senders": "4",
	}})
	require.NoError(t, a.server.CreateDatabase(t.Context(), "orderloom"))
	return a.server.URL("orderloom")
}

func (a *archived) backUp(t *testing.T) {
	a.server.do(t, "base")
	db := a.server.connect(t, "orderloom")
	require.NoError(t, db.QueryRow(t.Context(), "SELECT clock_timestamp()").Scan(&a.target))
}

func (*archived) idle() bool { return false }

func (a *archived) restore(t *testing.T) string {
	_, err := a.server.connect(t, "orderloom").Exec(t.Context(), "SELECT pg_switch_wal()")
	require.NoError(t, err)
	require.NoError(t, a.server.Stop(t.Context())) // which archives the rest
	home := dataHome(t, a.server)
	a.server.do(t, "restore to a point in time", "NEW_DATA="+filepath.Join(home, "cluster"), "TARGET_TIME="+a.target.UTC().Format("2006-01-02 15:04:05.999999+00"))
	own(t, home)
	restored := startServer(t, a.server.backups, pgserver.Options{Dir: home})
	awaitPrimary(t, restored)
	return restored.URL("orderloom")
}

// replicated is a replica that is stopped, and promoted after the primary is gone.
type replicated struct {
	server *server
	home   string
}

func (r *replicated) start(t *testing.T) string {
	r.server = startServer(t, backupDirectory(t), pgserver.Options{Settings: map[string]string{"wal_level": "replica", "max_wal_senders": "4", "wal_keep_size": "1GB"}})
	require.NoError(t, r.server.CreateDatabase(t.Context(), "orderloom"))
	return r.server.URL("orderloom")
}

func (r *replicated) backUp(t *testing.T) {
	r.server.do(t, "base")
	r.home = dataHome(t, r.server)
	script := `cp -a "$BACKUP/base/." "$NEW_DATA" && touch "$NEW_DATA/standby.signal"`
	c := exec.CommandContext(t.Context(), "sh", "-ec", script)
	c.Env = append(os.Environ(), "BACKUP="+r.server.backups, "NEW_DATA="+filepath.Join(r.home, "cluster"))
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	own(t, r.home)
	var last string
	primary := r.server.connect(t, "orderloom")
	require.NoError(t, primary.QueryRow(t.Context(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&last))
	replica := r.startReplica(t)
	db := replica.connect(t, "orderloom")
	await(t, "the replica to follow", func() bool {
		var follows bool
		require.NoError(t, db.QueryRow(t.Context(), "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", last).Scan(&follows))
		return follows
	})
	require.NoError(t, replica.Stop(t.Context())) // it lags from now on
}

func (r *replicated) startReplica(t *testing.T) *server {
	return startServer(t, r.server.backups, pgserver.Options{Dir: r.home, Settings: map[string]string{
		"primary_conninfo": r.server.URL("postgres"), "wal_level": "replica", "hot_standby": "on", "max_wal_senders": "4",
	}})
}

func (*replicated) idle() bool { return false }

func (r *replicated) restore(t *testing.T) string {
	require.NoError(t, r.server.Stop(t.Context()))
	replica := r.startReplica(t)
	replica.do(t, "fail over", "REPLICA_URL="+replica.URL("postgres"))
	awaitPrimary(t, replica)
	return replica.URL("orderloom")
}

// dataHome is the home of another server, which takes over the password of this one.
func dataHome(t *testing.T, s *server) string {
	t.Helper()
	home, err := os.MkdirTemp("/var/tmp", "orderloom-restored-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	require.NoError(t, os.Mkdir(filepath.Join(home, "cluster"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "password"), []byte(s.Password()+"\n"), 0o600))
	return home
}

// own gives a directory to the account that the server runs as, where that is another than ours.
func own(t *testing.T, home string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	out, err := exec.CommandContext(t.Context(), "chown", "-R", "postgres", home).CombinedOutput()
	require.NoError(t, err, strings.TrimSpace(string(out)))
}

func awaitPrimary(t *testing.T, s *server) {
	t.Helper()
	db := s.connect(t, "orderloom")
	await(t, "the end of the recovery", func() bool {
		var standby bool
		require.NoError(t, db.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&standby))
		return !standby
	})
}
