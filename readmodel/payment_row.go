package readmodel

import (
	"encoding/json"
	"fmt"

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
		return PaymentView{}, fmt.Errorf("read payment %s: %w", id, err)
	}
	v.ID, v.UpdatedAt = id, v.UpdatedAt.UTC()
	return v, nil
}
