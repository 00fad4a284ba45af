package readmodel

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// PaymentColumns are the columns of payment_views that [ScanPayment] reads, in its order.
const PaymentColumns = `payment_id, version, updated_at, state`

// ScanPayment reads the present row of payment_views, selected as [PaymentColumns].
func ScanPayment(row pgx.Row) (PaymentView, error) {
	var v PaymentView
	var state []byte
	if err := row.Scan(&v.ID, &v.Version, &v.UpdatedAt, &state); err != nil {
		return PaymentView{}, err
	}
	id := v.ID
	if err := json.Unmarshal(state, &v.Payment); err != nil {
		return PaymentView{}, fmt.Errorf("read payment %s: %w: %w", id, ErrUnreadableRow, err)
	}
	v.ID, v.UpdatedAt = id, v.UpdatedAt.UTC()
	return v, nil
}

// OrdersOfPayments returns the orders that these payments belong to, as far as payment_views knows them.
func OrdersOfPayments(ctx context.Context, db Querier, payments []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	rows, err := db.Query(ctx, `SELECT payment_id, order_id FROM orderloom.payment_views WHERE payment_id = ANY($1)`, payments)
	if err != nil {
		return nil, fmt.Errorf("find the orders of payments: %w", err)
	}
	orders := make(map[uuid.UUID]uuid.UUID, len(payments))
	var id, order uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{&id, &order}, func() error { orders[id] = order; return nil }); err != nil {
		return nil, fmt.Errorf("find the orders of payments: %w", err)
	}
	return orders, nil
}
