package failure_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

// database is a server that belongs to one test, which may ruin it.
type database struct {
	*pgserver.Server
	t *testing.T
}

func (d database) connect() *pgx.Conn {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), d.URL("postgres"))
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(d.t.Context())) })
	return conn
}

// exec carries out statements in a session of its own, and returns the last error.
func (d database) exec(statements ...string) error {
	d.t.Helper()
	conn := d.connect()
	for _, s := range statements[:len(statements)-1] {
		_, err := conn.Exec(d.t.Context(), s)
		require.NoError(d.t, err, s)
	}
	_, err := conn.Exec(d.t.Context(), statements[len(statements)-1])
	return err
}

func (d database) login(change func(*pgx.ConnConfig)) error {
	d.t.Helper()
	config, err := pgx.ParseConfig(d.URL("postgres"))
	require.NoError(d.t, err)
	change(config)
	conn, err := pgx.ConnectConfig(d.t.Context(), config)
	if err == nil {
		_ = conn.Close(d.t.Context())
	}
	return err
}

// provoked has for each class of PostgreSQL how a server comes to answer so, at least once.
var provoked = map[string]func(d database) []error{
	"08P01": func(d database) []error {
		_, err := d.connect().PgConn().ExecParams(d.t.Context(), `SELECT $1::int`, nil, nil, nil, nil).Close()
		return []error{err}
	},
	"08": func(d database) []error {
		return []error{d.exec(`DO $$ BEGIN RAISE 'lost' USING ERRCODE = '08006'; END $$`)}
	},
	"22 of a parameter": func(d database) (errs []error) {
		conn := d.connect()
		for sql, value := range map[string]any{
			`SELECT $1::text`: "\xff", `SELECT $1::jsonb`: `{"a": "\u0000"}`,
			`SELECT $1::timestamptz`: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			var out any
			errs = append(errs, conn.QueryRow(d.t.Context(), sql, value).Scan(&out))
		}
		return errs
	},
	"22": func(d database) []error {
		return []error{
			d.exec(`CREATE TEMP TABLE held AS SELECT 'x' AS v`, `SELECT v::int FROM held`),
			d.exec(`CREATE FUNCTION pg_temp.read(a text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT $1::int); END $$`,
				`SELECT pg_temp.read('x')`),
			d.exec(`SELECT 1 / (count(*) - count(*)) FROM pg_class`),
		}
	},
	"23": func(d database) []error {
		return []error{d.exec(`CREATE TEMP TABLE one (id int PRIMARY KEY, n int CHECK (n > 0)); INSERT INTO one VALUES (1, 1)`, `INSERT INTO one VALUES (1, 1)`)}
	},
	"25006": func(d database) []error {
		return []error{d.exec(`SET default_transaction_read_only = on`, `CREATE TABLE never ()`)}
	},
	"25P03, 25P04": func(d database) []error {
		conn := d.connect()
		_, err := conn.Exec(d.t.Context(), `SET idle_in_transaction_session_timeout = '1ms'; BEGIN`)
		require.NoError(d.t, err)
		return []error{d.ended(conn)}
	},
	"28": func(d database) []error {
		return []error{
			d.login(func(c *pgx.ConnConfig) { c.Password = "wrong" }),
			d.login(func(c *pgx.ConnConfig) { c.User = "nobody" }),
		}
	},
	"40": func(d database) []error { return []error{d.deadlock(), d.serialization()} },
	"42, 3D, 3F": func(d database) []error {
		return []error{
			d.exec(`SELECT * FROM nowhere`), d.exec(`SELECT nothing`),
			d.exec(`CREATE ROLE guest`, `SET ROLE guest`, `SELECT * FROM pg_authid`),
			d.login(func(c *pgx.ConnConfig) { c.Database = "nowhere" }),
		}
	},
	"53": func(d database) []error {
		require.NoError(d.t, d.exec(`CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 0`))
		return []error{
			d.login(func(c *pgx.ConnConfig) { c.User, c.Password = "crowd", "crowd" }),
			d.exec(`SET temp_file_limit = '64kB'`, `SET work_mem = '64kB'`, `SELECT count(*) FROM (SELECT n FROM generate_series(1, 100000) n ORDER BY -n) s`),
		}
	},
	"54": func(d database) []error {
		return []error{d.exec(`SELECT 1` + strings.Repeat(`, 1`, 1_700))}
	},
	"55P03": func(d database) []error {
		holder := d.connect()
		require.NoError(d.t, d.exec(`CREATE TABLE held ()`))
		_, err := holder.Exec(d.t.Context(), `BEGIN; LOCK TABLE held`)
		require.NoError(d.t, err)
		return []error{d.exec(`SET lock_timeout = '1ms'`, `SELECT * FROM held`), d.exec(`BEGIN`, `LOCK TABLE held NOWAIT`)}
	},
	"57": func(d database) []error {
		killed := d.connect()
		require.NoError(d.t, d.exec(`SELECT pg_terminate_backend(`+strconv.Itoa(int(killed.PgConn().PID()))+`)`))
		return []error{d.ended(killed), d.exec(`SET statement_timeout = '1ms'`, `SELECT pg_sleep(5)`)}
	},
	"58030": func(d database) []error {
		return []error{d.exec(`SELECT pg_read_binary_file('/proc/self/mem', 0, 1)`)} // memory that is none
	},
	"XX000 of a first session": func(d database) []error { return []error{d.withoutRoom()} },
	"every other": func(d database) []error {
		return []error{d.exec(`DO $$ BEGIN RAISE 'a rule of the schema'; END $$`)}
	},
}

// ended asks until the server has ended the session.
func (d database) ended(conn *pgx.Conn) (err error) {
	require.Eventually(d.t, func() bool {
		_, err = conn.Exec(d.t.Context(), `SELECT 1`)
		return err != nil
	}, 10*time.Second, 5*time.Millisecond)
	return err
}

// withoutRoom connects for the first time after a change of the schema, where no file may grow beyond a page.
func (d database) withoutRoom() error {
	conn := d.connect()
	lists, err := filepath.Glob(filepath.Join(d.Dir(), "cluster", "base", "*", "pg_internal.init"))
	require.NoError(d.t, err)
	for _, list := range lists {
		require.NoError(d.t, os.Remove(list))
	}
	limit := func(bytes string) {
		_, err := conn.Exec(d.t.Context(), fmt.Sprintf(`COPY (SELECT) TO PROGRAM 'prlimit --pid %d --fsize=%s:'`, d.postmaster(), bytes))
		require.NoError(d.t, err)
	}
	limit("8192")
	defer limit("unlimited")
	return d.login(func(*pgx.ConnConfig) {})
}

// deadlock lets two transactions wait for each other.
func (d database) deadlock() error {
	a, b := d.connect(), d.connect()
	for _, sql := range []string{`SET deadlock_timeout = '1ms'`, `BEGIN`, `SELECT pg_advisory_xact_lock(1)`} {
		_, err := a.Exec(d.t.Context(), sql)
		require.NoError(d.t, err)
	}
	for _, sql := range []string{`SET deadlock_timeout = '1h'`, `BEGIN`, `SELECT pg_advisory_xact_lock(2)`} {
		_, err := b.Exec(d.t.Context(), sql)
		require.NoError(d.t, err)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := b.Exec(d.t.Context(), `SELECT pg_advisory_xact_lock(1)`)
		waits <- err
	}()
	watcher := d.connect()
	require.Eventually(d.t, func() bool {
		var waiting bool
		err := watcher.QueryRow(d.t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid = $1)`, b.PgConn().PID()).Scan(&waiting)
		return err == nil && waiting
	}, 10*time.Second, 5*time.Millisecond)
	_, err := a.Exec(d.t.Context(), `SELECT pg_advisory_xact_lock(2)`)
	_, _ = a.Exec(d.t.Context(), `ROLLBACK`)
	require.NoError(d.t, <-waits)
	return err
}

// serialization lets two transactions change the same row.
func (d database) serialization() error {
	a, b := d.connect(), d.connect()
	for _, sql := range []string{`CREATE TABLE counter AS SELECT 1 AS n`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, `SELECT n FROM counter`} {
		_, err := a.Exec(d.t.Context(), sql)
		require.NoError(d.t, err)
	}
	_, err := b.Exec(d.t.Context(), `UPDATE counter SET n = 2`)
	require.NoError(d.t, err)
	_, err = a.Exec(d.t.Context(), `UPDATE counter SET n = 3`)
	return err
}

// Each class that a PostgreSQL answers with is in the table, and means what the table says.
func TestEveryClassOfPostgresMeansWhatTheTableSays(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Settings: map[string]string{"lc_messages": "C"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
	for _, row := range failure.Table {
		if row.Server != "PostgreSQL" {
			continue
		}
		provoke, ok := provoked[row.Class]
		require.True(t, ok, "nothing provokes %s", row.Class)
		for _, err := range provoke(database{server, t}) {
			requireRow(t, row.Class, err)
			var answer *pgconn.PgError
			require.ErrorAs(t, err, &answer)
		}
	}
	d := database{server, t}
	requireRow(t, "57", d.whileStopping())
}

// whileStopping connects to a server that ends once its last client has gone: 57P03, as while it starts.
func (d database) whileStopping() (err error) {
	client := d.connect()
	require.NoError(d.t, syscall.Kill(d.postmaster(), syscall.SIGTERM))
	require.Eventually(d.t, func() bool {
		err = d.login(func(*pgx.ConnConfig) {})
		return err != nil
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(d.t, client.Close(d.t.Context()))
	return err
}

// postmaster is the process that begins the server's sessions.
func (d database) postmaster() int {
	d.t.Helper()
	pid, err := os.ReadFile(filepath.Join(d.Dir(), "cluster", "postmaster.pid"))
	require.NoError(d.t, err)
	first, _, _ := strings.Cut(string(pid), "\n")
	n, err := strconv.Atoi(first)
	require.NoError(d.t, err)
	return n
}

func TestAServerThatCannotBeReachedPasses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = pgx.Connect(t.Context(), "postgres://u:p@"+address+"/d?sslmode=disable")
	requireRow(t, "no connection", err)

	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = hangsUp.Close() })
	go func() {
		for {
			conn, err := hangsUp.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	_, err = pgx.Connect(t.Context(), "postgres://u:p@"+hangsUp.Addr().String()+"/d?sslmode=disable")
	requireRow(t, "no connection", err)
}

func requireRow(t *testing.T, class string, err error) {
	t.Helper()
	require.Error(t, err, class)
	row := failure.RowOf(err)
	require.NotNil(t, row, "%s: %v", class, err)
	require.Equal(t, class, row.Class, "%T %v", err, err)
}
