// Package migrations holds the database schema as numbered SQL files and applies them.
//
// Files 00001 to 00019 are the event store's, 00020 to 00039 the read model's. A file is never edited
// once it was released: [Apply] keeps a checksum of each and refuses an edited one. Everything lives in
// the schema orderloom, so that the platform can share a database with Temporal.
//
//	pool, _ := pgxpool.New(ctx, url)
//	err := migrations.Apply(ctx, pool)
package migrations

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/advisory"
)

// FS holds the files, for tools that want to know whether any changed.
//
//go:embed *.sql
var FS embed.FS

// DB is what [Apply] needs of a database: a *pgx.Conn or a *pgxpool.Pool.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// ErrEdited means that a file differs from what was applied under its number.
var ErrEdited = errors.New("migration was edited after it was applied")

// Migration is one numbered file.
type Migration struct {
	Number   int
	Name     string
	SQL      string
	Checksum string
}

// All returns the migrations in the order of their numbers.
func All() ([]Migration, error) {
	names, err := fs.Glob(FS, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	return parse(FS, names)
}

func parse(fsys fs.FS, names []string) ([]Migration, error) {
	var all []Migration
	for _, name := range names { // Glob sorts by name, and the numbers are zero-padded.
		digits, rest, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		number, err := strconv.Atoi(digits)
		if err != nil || len(digits) != 5 || rest == "" {
			return nil, fmt.Errorf("migration %s is not named NNNNN_name.sql", name)
		}
		if len(all) > 0 && all[len(all)-1].Number == number {
			return nil, fmt.Errorf("two migrations have the number %05d", number)
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", name, err)
		}
		sum := sha256.Sum256(b)
		all = append(all, Migration{Number: number, Name: rest, SQL: string(b), Checksum: hex.EncodeToString(sum[:])})
	}
	return all, nil
}

// Apply brings the database up to date. Each file runs in a transaction of its own, under a lock that
// makes concurrent callers wait for each other. It may be repeated: what was applied is skipped.
// Errors: [ErrEdited].
func Apply(ctx context.Context, db DB) error {
	all, err := All()
	if err != nil {
		return err
	}
	return apply(ctx, db, all)
}

func apply(ctx context.Context, db DB, all []Migration) error {
	for {
		done, err := applyNext(ctx, db, all)
		if err != nil || done {
			return err
		}
	}
}

// applyNext applies the first file that is missing and reports whether none was.
func applyNext(ctx context.Context, db DB, all []Migration) (done bool, err error) {
	tx, err := db.Begin(ctx)
	if err != nil {
		return false, fmt.Errorf("begin migration: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", advisory.Migrations); err != nil {
		return false, fmt.Errorf("lock for migration: %w", err)
	}
	applied, err := checksums(ctx, tx)
	if err != nil {
		return false, err
	}
	for _, m := range all {
		sum, ok := applied[m.Number]
		if ok && sum != m.Checksum {
			return false, fmt.Errorf("%05d_%s: %w", m.Number, m.Name, ErrEdited)
		}
		if !ok {
			return false, m.apply(ctx, tx)
		}
	}
	return true, tx.Commit(ctx)
}

func checksums(ctx context.Context, tx pgx.Tx) (map[int]string, error) {
	const schema = `
		CREATE SCHEMA IF NOT EXISTS orderloom;
		CREATE TABLE IF NOT EXISTS orderloom.schema_migrations (
			number     integer PRIMARY KEY,
			name       text NOT NULL,
			checksum   text NOT NULL,
			applied_at timestamptz NOT NULL DEFAULT now()
		)`
	var exists bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('orderloom.schema_migrations') IS NOT NULL").Scan(&exists); err != nil {
		return nil, fmt.Errorf("look for schema_migrations: %w", err)
	}
	if !exists { // so that a role that may not create anything can still check that all is applied
		if err := execScript(ctx, tx, schema); err != nil {
			return nil, fmt.Errorf("create schema_migrations: %w", err)
		}
	}
	rows, err := tx.Query(ctx, "SELECT number, checksum FROM orderloom.schema_migrations")
	if err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	applied := map[int]string{}
	var number int
	var sum string
	if _, err = pgx.ForEachRow(rows, []any{&number, &sum}, func() error { applied[number] = sum; return nil }); err != nil {
		return nil, fmt.Errorf("read schema_migrations: %w", err)
	}
	return applied, nil
}

// State tells how a database's schema and this program differ.
type State struct {
	// Missing are the migrations that the database lacks. Newer are those that a newer program has applied, without
	// their SQL.
	Missing, Newer []Migration
}

// Inspect compares a database's schema with this program, and changes nothing.
func Inspect(ctx context.Context, db DB) (s State, err error) {
	all, err := All()
	if err != nil {
		return s, err
	}
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		var exists bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass('orderloom.schema_migrations') IS NOT NULL").Scan(&exists); err != nil {
			return fmt.Errorf("look for schema_migrations: %w", err)
		}
		if !exists {
			s.Missing = all
			return nil
		}
		rows, err := tx.Query(ctx, "SELECT number, name FROM orderloom.schema_migrations ORDER BY number")
		if err != nil {
			return fmt.Errorf("read schema_migrations: %w", err)
		}
		applied := map[int]bool{}
		var m Migration
		if _, err = pgx.ForEachRow(rows, []any{&m.Number, &m.Name}, func() error {
			applied[m.Number] = true
			if !slices.ContainsFunc(all, func(known Migration) bool { return known.Number == m.Number }) {
				s.Newer = append(s.Newer, m)
			}
			return nil
		}); err != nil {
			return fmt.Errorf("read schema_migrations: %w", err)
		}
		for _, known := range all {
			if !applied[known.Number] {
				s.Missing = append(s.Missing, known)
			}
		}
		return nil
	})
	return s, err
}

// namesMax is how many migrations people are told by name.
const namesMax = 5

// Names lists migrations for people. Of many, such as those of an empty database, it tells the first and the last.
func Names(all []Migration) string {
	if len(all) > namesMax {
		return fmt.Sprintf("%d migrations, from %s to %s", len(all), Names(all[:1]), Names(all[len(all)-1:]))
	}
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = fmt.Sprintf("%05d_%s", m.Number, m.Name)
	}
	return strings.Join(names, ", ")
}

func (m Migration) apply(ctx context.Context, tx pgx.Tx) error {
	if err := execScript(ctx, tx, m.SQL); err != nil {
		return fmt.Errorf("migration %05d_%s: %w", m.Number, m.Name, err)
	}
	const record = "INSERT INTO orderloom.schema_migrations (number, name, checksum) VALUES ($1, $2, $3)"
	if _, err := tx.Exec(ctx, record, m.Number, m.Name, m.Checksum); err != nil {
		return fmt.Errorf("record migration %05d_%s: %w", m.Number, m.Name, err)
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit migration %05d_%s: %w", m.Number, m.Name, err)
	}
	return nil
}

// execScript runs several statements at once, which only the simple protocol can.
func execScript(ctx context.Context, tx pgx.Tx, sql string) error {
	return tx.Conn().PgConn().Exec(ctx, sql).Close()
}
