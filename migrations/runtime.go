package migrations

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// GrantRuntime gives a role of PostgreSQL what the processes need, and no more. The role can't change the schema, nor
// take back events, invoices and the audit. The caller owns the schema. It has to be repeated after each migration.
func GrantRuntime(ctx context.Context, db DB, role string) error {
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT orderloom.grant_runtime($1)`, role)
		return err
	})
	if err != nil {
		return fmt.Errorf("give the role %s what it needs: %w", role, err)
	}
	return nil
}

// Lacking returns the name of a table or sequence that the processes need, and that the role of db may not use so. It
// is empty where the role has all. The schema must be up to date.
func Lacking(ctx context.Context, db DB) (table string, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT coalesce(orderloom.runtime_lacks(), '')`).Scan(&table)
	})
	if err != nil {
		return "", fmt.Errorf("look what the role lacks: %w", err)
	}
	return table, nil
}
