package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// OwedSum is what customers are owed in one currency: refunds that are due, and that nobody has paid yet.
type OwedSum struct {
	Currency string
	// Orders is how many orders owe it.
	Orders int
	// Amount is in the currency's own unit, such as euros. It is for graphs: money is in the views.
	Amount float64
}

// RefundsOwed sums what is owed, by currency. It reads no more than the orders that owe something.
func RefundsOwed(ctx context.Context, db Querier) ([]OwedSum, error) {
	rows, err := db.Query(ctx, `SELECT currency, count(*), sum(owed_amount)::float8 FROM orderloom.order_views
		WHERE owed_amount IS NOT NULL AND currency IS NOT NULL GROUP BY currency ORDER BY currency`)
	if err != nil {
		return nil, fmt.Errorf("sum what is owed: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OwedSum])
	if err != nil {
		return nil, fmt.Errorf("sum what is owed: %w", err)
	}
	return all, nil
}
