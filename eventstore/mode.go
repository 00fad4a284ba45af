package eventstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ClaimMode marks the store as one of a platform of this mode, such as "live" or "test", and returns whose it is. The
// first that claims it has it, for good. It may be repeated.
func ClaimMode(ctx context.Context, db *pgxpool.Pool, mode string) (is string, err error) {
	if is, err = ModeOf(ctx, db); err != nil || is != "" {
		return is, err
	}
	if _, err = db.Exec(ctx, `UPDATE orderloom.store SET mode = $1 WHERE mode IS NULL`, mode); err != nil {
		return "", fmt.Errorf("mark whose store it is: %w", err)
	}
	return ModeOf(ctx, db) // another process may have been first
}

// ModeOf returns which mode has claimed the store, "" when none has yet.
func ModeOf(ctx context.Context, db *pgxpool.Pool) (is string, err error) {
	if err = db.QueryRow(ctx, `SELECT coalesce(mode, '') FROM orderloom.store`).Scan(&is); err != nil {
		return "", fmt.Errorf("look whose store it is: %w", err)
	}
	return is, nil
}
