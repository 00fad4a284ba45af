package readmodel_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestOwingOrdersAreEndedOnesThatAreNotSettledByTheirViews(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	now := time.Now().Truncate(time.Microsecond)
	ago, long := now.Add(-30*time.Minute), now.Add(-48*time.Hour)
	stock := uuid.New()
	sequence := 0
	ordered := func(status, payment string, at time.Time, events ...string) uuid.UUID {
		id := uuid.New()
		_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_views (order_id, version, created_at, updated_at, order_number, status, payment_status, shown)
			VALUES ($1, 1, $2, $2, $3, $4, $5, '{}')`, id, at, id.String(), status, payment)
		require.NoError(t, err)
		for _, event := range events {
			sequence++
			_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_timeline
				(aggregate_id, version, sequence, event_id, order_id, occurred_at, aggregate_type, event_type, summary, caused_by)
				VALUES ($1, $2, $2, $3, $4, $5, 'x', $6, '', '')`, stock, sequence, uuid.New(), id, at, event)
			require.NoError(t, err)
		}
		return id
	}
	want := []uuid.UUID{
		ordered("cancelled", "voided", ago, "StockReserved", "OrderCancelled"),
		ordered("cancelled", "voided", ago, "StockBackordered", "OrderCancelled"),
		ordered("cancelled", "authorized", ago, "OrderCancelled"),
		ordered("delivered", "captured", ago, "ShipmentLost"),
		ordered("cancelled", "refunded", ago, "ShipmentRefused", "OrderCancelled"),
		ordered("delivered", "captured", ago, "OrderLinesCancelled"),
	}
	ordered("cancelled", "voided", ago, "StockReserved", "StockReleased", "OrderCancelled")
	ordered("cancelled", "refunded", ago, "StockReserved", "StockCommitted", "OrderCancelled")
	ordered("delivered", "captured", ago, "StockReserved")
	ordered("shipped", "captured", ago, "ShipmentLost")
	ordered("cancelled", "authorized", now, "OrderCancelled")
	ordered("cancelled", "authorized", long, "OrderCancelled")

	r := readmodel.NewReader(b.pool, readmodel.Options{})
	from, until := now.Add(-24*time.Hour), now.Add(-time.Minute)
	got, err := r.OwingOrders(t.Context(), from, until, uuid.Nil, 100)
	require.NoError(t, err)
	require.ElementsMatch(t, want, got)
	first, err := r.OwingOrders(t.Context(), from, until, uuid.Nil, 2)
	require.NoError(t, err)
	rest, err := r.OwingOrders(t.Context(), from, until, first[1], 100)
	require.NoError(t, err)
	require.Equal(t, got, append(first, rest...))
}

func TestEndedOrdersAreThoseThatHaveNotChangedSince(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	now := time.Now()
	var all []uuid.UUID
	view := func(status string, changed time.Time) uuid.UUID {
		id := uuid.New()
		_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_views (order_id, version, created_at, updated_at, order_number, status, shown)
			VALUES ($1, 1, $2, $2, $3, $4, '{}')`, id, changed, id.String(), status)
		require.NoError(t, err)
		all = append(all, id)
		return id
	}
	ago := now.Add(-time.Hour)
	want := []uuid.UUID{view("delivered", ago), view("cancelled", ago)}
	view("delivered", now)
	view("shipped", ago)
	r := readmodel.NewReader(b.pool, readmodel.Options{})
	got, err := r.EndedOrders(t.Context(), all, now.Add(-time.Minute))
	require.NoError(t, err)
	require.ElementsMatch(t, want, got)
}
