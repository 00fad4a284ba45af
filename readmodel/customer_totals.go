package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// CustomerTotals are what a customer has ordered in one currency, and what has come of it. Its JSON is what the API
// shows.
type CustomerTotals struct {
	Currency  string `json:"currency"`
	Orders    int    `json:"orders"`
	Cancelled int    `json:"cancelled"`
	Delivered int    `json:"delivered"`
	// Ordered is what was ordered and not cancelled.
	Ordered money.Money `json:"ordered"`
	// Captured is what the gateway has taken, Refunded what went back of it, and Net the difference.
	Captured money.Money `json:"captured"`
	Refunded money.Money `json:"refunded"`
	Net      money.Money `json:"net"`
	// Owed, Disputed and DisputesLost are as in [CustomerSummary].
	Owed         money.Money `json:"owed"`
	Disputed     money.Money `json:"disputed"`
	DisputesLost money.Money `json:"disputes_lost"`
	FirstOrderAt time.Time   `json:"first_order_at"`
	LastOrderAt  time.Time   `json:"last_order_at"`
}

// CustomerTotals returns what a customer has ordered, by currency. Errors: not_found for one without orders.
func (r *Reader) CustomerTotals(ctx context.Context, id string) ([]CustomerTotals, error) {
	rows, err := r.pool.Query(ctx, `SELECT currency, orders, cancelled, delivered, first_order_at, last_order_at, ARRAY[total_amount,
			captured_amount, refunded_amount, captured_amount - refunded_amount, owed_amount, disputed_amount, disputes_lost_amount]::text[]
		FROM orderloom.customer_summaries WHERE customer_id = $1 AND orders > 0 ORDER BY currency`, id)
	if err != nil {
		return nil, fmt.Errorf("read the totals of a customer: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c CustomerTotals, err error) {
		var amounts []string
		if err := row.Scan(&c.Currency, &c.Orders, &c.Cancelled, &c.Delivered, &c.FirstOrderAt, &c.LastOrderAt, &amounts); err != nil {
			return c, err
		}
		c.FirstOrderAt, c.LastOrderAt = c.FirstOrderAt.UTC(), c.LastOrderAt.UTC()
		for i, m := range []*money.Money{&c.Ordered, &c.Captured, &c.Refunded, &c.Net, &c.Owed, &c.Disputed, &c.DisputesLost} {
			if *m, err = amount(amounts[i], c.Currency); err != nil {
				return c, err
			}
		}
		return c, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the totals of a customer: %w", err)
	}
	if len(all) == 0 {
		return nil, domain.Refuse(CodeNotFound, "customer has no orders")
	}
	return all, nil
}
