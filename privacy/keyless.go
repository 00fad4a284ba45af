package privacy

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Keyless returns those of the subjects that have no key, and never had one as far as the database knows. A subject
// that was erased has had one. Nobody can open what was sealed for a subject without a key.
func Keyless(ctx context.Context, pool *pgxpool.Pool, subjects []string) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT s FROM unnest($1::text[]) AS given(s)
		WHERE NOT EXISTS (SELECT FROM orderloom.customer_keys k WHERE k.subject = s)`, subjects)
	if err != nil {
		return nil, fmt.Errorf("look for subjects without a key: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for subjects without a key: %w", err)
	}
	return all, nil
}
