package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CustomerPage returns the ids of customers with orders, in their order, at most limit of those after one; "" begins.
func CustomerPage(ctx context.Context, db Querier, after string, limit int) ([]string, error) {
	const sql = `SELECT DISTINCT customer_id FROM orderloom.customer_summaries WHERE customer_id > $1 ORDER BY customer_id LIMIT $2`
	return texts(ctx, db, "list customers", sql, after, limit)
}

// OrderNumbersOf returns the numbers of orders of these customers, at most limit.
func OrderNumbersOf(ctx context.Context, db Querier, customers []string, limit int) ([]string, error) {
	const sql = `SELECT order_number FROM orderloom.order_views WHERE customer_id = ANY ($1) ORDER BY customer_id, created_at LIMIT $2`
	return texts(ctx, db, "list the orders of customers", sql, customers, limit)
}

func texts(ctx context.Context, db Querier, what, sql string, args ...any) ([]string, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}
