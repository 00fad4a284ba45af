package readmodel

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// DueReturns returns the ids of orders with a return that is due by a time. Nobody has decided on it, or its goods did
// not come. They come in the order of their ids, at most limit, after one of them; [uuid.Nil] begins.
func (r *Reader) DueReturns(ctx context.Context, by time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT order_id FROM orderloom.order_views WHERE returns_due <= $1 AND order_id > $2 ORDER BY order_id LIMIT $3`, by, after, limit)
	return orderIDs(rows, err, "list orders with returns that are due")
}
