package readmodel_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestOpenOrdersAreThoseThatWaitAndCancelledOnesThatHoldMoney(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	now := time.Now()
	view := func(status, payment string, changed time.Time) uuid.UUID {
		id := uuid.New()
		_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_views (order_id, version, created_at, updated_at, order_number, status, payment_status, shown)
			VALUES ($1, 1, $2, $3, $4, $5, $6, '{}')`, id, now.Add(-time.Hour), changed, id.String(), status, payment)
		require.NoError(t, err)
		return id
	}
	ago := now.Add(-30 * time.Minute)
	want := []uuid.UUID{
		view("created", "", now), view("confirmed", "authorized", now), view("shipped", "captured", now),
		view("cancelled", "authorized", ago), view("cancelled", "action_required", ago),
	}
	for _, payment := range []string{"", "voided", "declined", "refunded"} {
		view("cancelled", payment, ago)
	}
	view("cancelled", "authorized", now) // its saga is about to let it go
	view("delivered", "captured", ago)
	r := readmodel.NewReader(b.pool, readmodel.Options{})
	got, err := r.OpenOrders(t.Context(), now.Add(-time.Minute), uuid.Nil, 100)
	require.NoError(t, err)
	require.ElementsMatch(t, want, got)
	first, err := r.OpenOrders(t.Context(), now.Add(-time.Minute), uuid.Nil, 2)
	require.NoError(t, err)
	rest, err := r.OpenOrders(t.Context(), now.Add(-time.Minute), first[1], 100)
	require.NoError(t, err)
	require.ElementsMatch(t, want, append(first, rest...))
}
