package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ReferenceClaim is which order has an external reference.
type ReferenceClaim struct {
	OrderID   uuid.UUID
	ClaimedAt time.Time
}

// ClaimReference claims an external reference of a caller for an order, and returns which order has it: this one, or
// one that was there before. It may be repeated. Of an order that the views know, the claim is made anew when it was
// lost.
func (r *Reader) ClaimReference(ctx context.Context, caller, reference string, orderID uuid.UUID) (c ReferenceClaim, err error) {
	// The update changes nothing: without it, a row that is there is not returned.
	err = r.pool.QueryRow(ctx, `
		INSERT INTO orderloom.external_references AS t (caller, reference, order_id) VALUES ($1, $2, coalesce((
			SELECT order_id FROM orderloom.order_views
			WHERE external_reference = $2 AND coalesce(account, '') = $1 ORDER BY created_at LIMIT 1), $3))
		ON CONFLICT (caller, reference) DO UPDATE SET claimed_at = t.claimed_at
		RETURNING order_id, claimed_at`, caller, reference, orderID).Scan(&c.OrderID, &c.ClaimedAt)
	if err != nil {
		return c, fmt.Errorf("claim an external reference: %w", err)
	}
	return c, nil
}

// TakeReference gives a reference to another order than the one that has claimed it, which does not exist. Taken is
// false when somebody else has been faster.
func (r *Reader) TakeReference(ctx context.Context, caller, reference string, from, to uuid.UUID) (taken bool, err error) {
	tag, err := r.pool.Exec(ctx, `UPDATE orderloom.external_references SET order_id = $4, claimed_at = now()
		WHERE caller = $1 AND reference = $2 AND order_id = $3`, caller, reference, from, to)
	if err != nil {
		return false, fmt.Errorf("take an external reference: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}
