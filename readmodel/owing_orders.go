package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OwingOrders returns the ids of orders that have ended and may owe something by their views. Between two times they
// were cancelled, lines of them were, or a shipment never arrived. Those with an open refund are told
// whenever that began.
//
// A cancelled order is left out when its money is let go and its stock is free by the views. They come in the order of
// their ids, at most limit, after one of them; [uuid.Nil] begins.
func (r *Reader) OwingOrders(ctx context.Context, from, until time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT v.order_id FROM (
			SELECT order_id, bool_or(event_type <> 'OrderCancelled') AS partly FROM orderloom.order_timeline
			WHERE event_type IN ('OrderCancelled', 'OrderLinesCancelled', 'ShipmentLost', 'ShipmentRefused')
			  AND occurred_at >= $1 AND occurred_at < $2 AND order_id > $3
			GROUP BY order_id
		) happened JOIN orderloom.order_views v USING (order_id)
		WHERE v.status IN ('delivered', 'cancelled')
		  AND (partly OR v.payment_status IN ('authorized', 'action_required', 'payment_required') OR EXISTS (
			SELECT FROM orderloom.order_timeline taken
			WHERE taken.order_id = v.order_id AND taken.event_type IN ('StockReserved', 'StockBackordered')
			  AND NOT EXISTS (
				SELECT FROM orderloom.order_timeline given
				WHERE given.order_id = v.order_id AND given.aggregate_id = taken.aggregate_id AND given.event_type IN ('StockReleased', 'StockCommitted'))))
		UNION
		SELECT v.order_id FROM orderloom.payment_views p JOIN orderloom.order_views v USING (order_id)
		WHERE p.refunds_open AND p.updated_at < $2 AND p.order_id > $3 AND v.status IN ('delivered', 'cancelled')
		ORDER BY order_id LIMIT $4`, from, until, after, limit)
	return orderIDs(rows, err, "list orders that owe something")
}

// EndedOrders returns those of the orders that have ended by their views and have not changed since before.
func (r *Reader) EndedOrders(ctx context.Context, ids []uuid.UUID, before time.Time) ([]uuid.UUID, error) {
	rows, err := r.pool.Query(ctx, `
		SELECT order_id FROM orderloom.order_views
		WHERE order_id = ANY($1) AND status IN ('delivered', 'cancelled') AND updated_at < $2 ORDER BY order_id`, ids, before)
	return orderIDs(rows, err, "list ended orders")
}

func orderIDs(rows pgx.Rows, err error, what string) ([]uuid.UUID, error) {
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ids, nil
}
