package readmodel

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// OpenOrders returns the ids of orders that are neither delivered nor cancelled by their views, and were placed
// before a time. Cancelled ones whose money is held count as well, when they have not changed since that time.
//
// They come oldest first, at most limit, after an id of the same list; [uuid.Nil] begins it.
func (r *Reader) OpenOrders(ctx context.Context, placedBefore time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT order_id FROM orderloom.order_views
		WHERE (status IN ('created', 'confirmed', 'shipped')
		       OR status = 'cancelled' AND payment_status IN ('authorized', 'action_required', 'payment_required') AND updated_at < $1)
		  AND created_at < $1
		  AND ($2 = '00000000-0000-0000-0000-000000000000'::uuid
		       OR (created_at, order_id) > (SELECT created_at, order_id FROM orderloom.order_views WHERE order_id = $2))
		ORDER BY created_at, order_id LIMIT $3`, placedBefore, after, limit)
	return orderIDs(rows, err, "list open orders")
}
