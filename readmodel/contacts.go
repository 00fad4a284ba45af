package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// UnindexedContacts counts orders that are found by no email address and no phone number, because the projector could
// not open what they have.
func UnindexedContacts(ctx context.Context, pool *pgxpool.Pool) (n int64, err error) {
	const sql = `SELECT count(*) FROM orderloom.order_contacts WHERE index_key IS NULL`
	if err := pool.QueryRow(ctx, sql).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the contacts that are not indexed: %w", err)
	}
	return n, nil
}

// IndexedUnder reports whether any contact is indexed under a key.
func IndexedUnder(ctx context.Context, pool *pgxpool.Pool, indexKey string) (indexed bool, err error) {
	const sql = `SELECT EXISTS (SELECT FROM orderloom.order_contacts WHERE index_key = $1)`
	if err := pool.QueryRow(ctx, sql, indexKey).Scan(&indexed); err != nil {
		return false, fmt.Errorf("look for contacts under an index key: %w", err)
	}
	return indexed, nil
}
