//go:build real

package app

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// pooled starts PgBouncer in front of a database, and returns a pool of the product's connections through it.
func pooled(t *testing.T, settings string) *pgxpool.Pool {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	require.NoError(t, err)
	direct, err := pgxpool.ParseConfig(pgtest.Database(t))
	require.NoError(t, err)
	c := direct.ConnConfig
	ports, err := freeport.Find(t.Context(), 1)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "orderloom-pgbouncer-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755)) // it drops root's rights
	ini := filepath.Join(dir, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(ini, fmt.Appendf(nil, `[databases]
orders = host=%s port=%d dbname=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
%s
`, c.Host, c.Port, c.Database, c.User, c.Password, ports[0], settings), 0o644))
	arguments := []string{ini}
	if os.Geteuid() == 0 {
		arguments = []string{"--user", "nobody", ini}
	}
	bouncer := exec.CommandContext(t.Context(), program, arguments...)
	bouncer.Stderr = t.Output()
	require.NoError(t, bouncer.Start())
	t.Cleanup(func() { _ = bouncer.Wait() })
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", freeport.Address(ports[0]), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	pc, err := poolConfig(config.Database{
		URL:            config.Secret(fmt.Sprintf("postgres://%s@%s/orders?sslmode=disable", c.User, freeport.Address(ports[0]))),
		ConnectionsMax: 4, ConnectTimeout: 5 * time.Second, StatementTimeout: time.Minute,
	})
	require.NoError(t, err)
	pool, err := pgxpool.NewWithConfig(t.Context(), pc)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// Through PgBouncer only sessions that belong to one client are right. Anything else is refused when a process starts.
func TestAPoolerMustNotShareSessions(t *testing.T) {
	t.Parallel()
	const ignore = "\nignore_startup_parameters = statement_timeout"
	for settings, refused := range map[string]string{
		"pool_mode = session" + ignore:     "",
		"pool_mode = transaction" + ignore: "one session to several clients",
		"pool_mode = statement" + ignore:   "one session to several clients",
		"pool_mode = session":              "ignore_startup_parameters=statement_timeout",
		"pool_mode = transaction":          "ignore_startup_parameters=statement_timeout",
	} {
		t.Run(settings, func(t *testing.T) {
			t.Parallel()
			err := checkDatabase(t.Context(), pooled(t, settings), slog.New(slog.DiscardHandler))
			if refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrUnfit)
			require.ErrorContains(t, err, refused)
		})
	}
}
