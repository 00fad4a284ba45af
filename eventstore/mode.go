package eventstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ClaimMode marks the store as one of a platform of this mode, such as "live" or "test", and returns whose it is. The
// first that claims it has it, for good. It may be repeated.
func ClaimMode(ctx context.Context, db *pgxpool.Pool, mode string) (is string, err error) {
	const look = `SELECT coalesce(mode, '') FROM orderloom.store`
	if err = db.QueryRow(ctx, look).Scan(&is); err == nil && is == "" {
		if _, err = db.Exec(ctx, `UPDATE orderloom.store SET mode = $1 WHERE mode IS NULL`, mode); err == nil {
			err = db.QueryRow(ctx, look).Scan(&is) // another process may have been first
		}
	}
	if err != nil {
		return "", fmt.Errorf("look whose store it is: %w", err)
	}
	return is, nil
}
