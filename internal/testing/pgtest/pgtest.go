// Package pgtest gives each test a PostgreSQL database of its own, migrated and empty.
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		pool := pgtest.Pool(t)
//		…
//	}
//
// The server is private to the test process: started by the first test that asks, stopped by the end of
// the process (see [pgserver]). Databases are cloned from a migrated template, which takes some tens of
// milliseconds, and dropped after their test.
//
// ORDERLOOM_TEST_DATABASE_URL names a server to use instead, by a superuser's URL of any of its
// databases. Templates stay there, one for each state of the migrations.
package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/orderloom/orderloom/migrations"
)

// URLVariable names the environment variable with the URL of a server to test on.
const URLVariable = "ORDERLOOM_TEST_DATABASE_URL"

// dropTimeout bounds the clearing up after a test, whose own context is over by then.
const dropTimeout = 30 * time.Second

// Pool returns a pool of connections to a fresh, migrated database, closed and dropped after the test.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return pool(t, func(*pgxpool.Config) {})
}

// Session returns a [Pool] of one connection, for tests of what PostgreSQL keeps for a session.
func Session(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return pool(t, func(c *pgxpool.Config) { c.MaxConns = 1 })
}

func pool(t testing.TB, change func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(Database(t))
	if err != nil {
		t.Fatalf("read the database's URL: %v", err)
	}
	change(config)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatalf("open a pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Database returns the URL of a fresh, migrated database, dropped after the test.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, func(ctx context.Context, s *server) (string, error) { return s.template(ctx) })
}

// Empty returns the URL of a fresh database without the platform's schema, dropped after the test.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, func(context.Context, *server) (string, error) { return "template1", nil })
}

func create(t testing.TB, template func(context.Context, *server) (string, error)) string {
	t.Helper()
	s, err := theServer()
	if err != nil {
		t.Fatalf("start a PostgreSQL for tests: %v", err)
	}
	from, err := template(t.Context(), s)
	if err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := s.clone(t.Context(), name, from); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := drain.Timeout(t.Context(), dropTimeout)
		defer cancel()
		if err := s.exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return s.url(name)
}

// server is where this process's test databases are made.
type server struct {
	base url.URL

	mu       sync.Mutex
	migrated string // the template's name, once it is there
}

var theServer = sync.OnceValues(func() (*server, error) {
	address := os.Getenv(URLVariable)
	if address == "" {
		// Its end is the end of this process: no test owns it, so none may stop it.
		private, err := pgserver.Start(context.Background(), pgserver.Options{Log: func(format string, args ...any) {
			fmt.Fprintf(os.Stderr, format+"\n", args...)
		}})
		if err != nil {
			return nil, err
		}
		address = private.URL("postgres")
	}
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", URLVariable, err)
	}
	return &server{base: *base}, nil
})

func (s *server) url(database string) string {
	u := s.base
	u.Path = "/" + database
	return u.String()
}

func (s *server) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.base.String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// clone copies a template. A connection to the template that is just being closed is waited for.
func (s *server) clone(ctx context.Context, name, template string) error {
	for {
		err := s.exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template))
		var answer *pgconn.PgError
		if err == nil || !errors.As(err, &answer) || answer.Code != "55006" { // object_in_use
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// template makes the migrated database that the others are copied from, once for each state of the
// migrations, and returns its name.
func (s *server) template(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.migrated != "" {
		return s.migrated, nil
	}
	sum, err := checksum()
	if err != nil {
		return "", err
	}
	name := "orderloom_template_" + sum
	conn, err := pgx.Connect(ctx, s.base.String())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// Other processes may test on the same server: one makes the template, the others wait for it.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", err
	}
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return "", err
	}
	if !exists {
		if err := s.migrate(ctx, conn, name); err != nil {
			return "", err
		}
	}
	s.migrated = name
	return name, nil
}

// migrate makes the template under another name first, so that a half migrated one is never taken for it.
func (s *server) migrate(ctx context.Context, conn *pgx.Conn, name string) error {
	unfinished := name + "_unfinished"
	if _, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(unfinished)+" WITH (FORCE)"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+quote(unfinished)); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, s.url(unfinished))
	if err != nil {
		return err
	}
	err = migrations.Apply(ctx, pool)
	pool.Close()
	if err != nil {
		return err
	}
	if err := s.clone(ctx, name, unfinished); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "DROP DATABASE "+quote(unfinished)+" WITH (FORCE)")
	return err
}

// checksum stands for the present migrations, all of them.
func checksum() (string, error) {
	all, err := migrations.All()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, migration := range all {
		fmt.Fprintln(sum, migration.Number, migration.Name, migration.Checksum)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }
