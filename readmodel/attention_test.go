package readmodel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// All that waits is in one list: of orders, of sagas, and of projections. Its pages lose nothing and repeat nothing,
// also where many began to wait at one time.
func TestAllThatWaitsIsInOneList(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	ctx := t.Context()
	const each = 25
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	want := map[uuid.UUID]attention.Cause{}
	for i := range each {
		id, void, refund := uuid.New(), uuid.New(), uuid.New()
		since := at.Add(time.Duration(i/5) * time.Hour).Format(time.RFC3339Nano)
		_, err := pool.Exec(ctx, `INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, order_number,
				customer_id, status, fulfillment_status, total_amount, currency, skus, shown, payment_status, captured_amount, refunded_amount, attention,
				attention_since)
			VALUES ($1, 3, 2, $2, $2, 'ORD-' || $3::text, 'c', 'cancelled', 'unfulfilled', 5, 'EUR', '{}', $4::json, 'captured', 0, 0,
				'{void_failed,refund_failed}', $5)`, id, at, fmt.Sprint(i), fmt.Sprintf(`{"attention": [
				{"attention_id": %q, "cause": "void_failed", "since": %q, "attempts": 2, "detail": "gone", "actions": ["retry", "resolve"]},
				{"attention_id": %q, "cause": "refund_failed", "since": %q, "attempts": 1, "refund_id": %q, "actions": ["resolve"]}]}`,
			void, since, refund, since, uuid.New()), since)
		require.NoError(t, err)
		want[void], want[refund] = attention.CauseVoidFailed, attention.CauseRefundFailed
		saga, parked := uuid.New(), uuid.New()
		_, err = pool.Exec(ctx, `INSERT INTO orderloom.waiting_sagas (attention_id, cause, workflow_id, order_id, order_number, attempts, detail, since)
			VALUES ($1, 'orphaned_saga', $4, $2, 'ORD', 4, 'has no saga', $3)`, saga, id, at, "order-"+id.String())
		require.NoError(t, err)
		_, err = pool.Exec(ctx, `INSERT INTO orderloom.parked_streams (attention_id, projection, aggregate_id, aggregate_type, version, event_id, event_type,
			last_version, error, parked_at) VALUES ($1, 'orders', $2, 'order', 3, $1, 'OrderConfirmed', 4, 'no such event', $3)`, parked, id, at)
		require.NoError(t, err)
		want[saga], want[parked] = attention.CauseOrphanedSaga, attention.CauseParked
	}
	r := readmodel.NewReader(pool, readmodel.Options{})
	pages := func(q readmodel.AttentionQuery) map[uuid.UUID]attention.Cause {
		got := map[uuid.UUID]attention.Cause{}
		last := time.Time{}
		for more := true; more; more = q.Cursor != "" {
			page, err := r.Attention(ctx, q)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Items), 7)
			for _, w := range page.Items {
				require.NotContains(t, got, w.AttentionID)
				require.False(t, w.Since.Before(last), "what has waited longest comes first")
				got[w.AttentionID], last = w.Cause, w.Since
			}
			q.Cursor = page.NextCursor
		}
		return got
	}
	require.Equal(t, want, pages(readmodel.AttentionQuery{Limit: 7}))
	for _, cause := range attention.AllCauses() {
		only := map[uuid.UUID]attention.Cause{}
		for id, c := range want {
			if c == cause {
				only[id] = c
			}
		}
		require.Equal(t, only, pages(readmodel.AttentionQuery{Cause: cause, Limit: 7}), cause)
	}

	for id, cause := range want {
		page, err := r.Attention(ctx, readmodel.AttentionQuery{AttentionID: id})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		w := page.Items[0]
		require.Equal(t, []any{id, cause}, []any{w.AttentionID, w.Cause})
		require.NotEmpty(t, w.OrderNumber)
		require.Equal(t, "cancelled", string(w.OrderStatus))
		require.NotEmpty(t, w.Actions)
		switch cause {
		case attention.CauseOrphanedSaga:
			require.Equal(t, []any{"order-" + w.OrderID.String(), "has no saga", 4, uuid.Nil}, []any{w.WorkflowID, w.Detail, w.Attempts, w.PaymentID})
		case attention.CauseParked:
			require.Equal(t, &readmodel.ParkedStream{
				Projection: "orders", AggregateType: domain.AggregateOrder, AggregateID: w.OrderID, Version: 3, EventType: "OrderConfirmed",
			}, w.Parked)
			require.Equal(t, []any{"no such event", 1}, []any{w.Detail, w.Attempts})
		default:
			require.Equal(t, payment.ID(w.OrderID), w.PaymentID)
			require.Contains(t, w.Actions, attention.ActionResolve)
		}
	}
	counts, err := readmodel.AttentionCounts(ctx, pool)
	require.NoError(t, err)
	for _, cause := range attention.AllCauses() {
		n, told := counts[cause]
		require.True(t, told, cause)
		require.Len(t, pages(readmodel.AttentionQuery{Cause: cause, Limit: 7}), n.Count, cause)
		require.Equal(t, n.Count > 0, n.Oldest > 0, cause)
	}
}

func TestAListOfWhatWaitsRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	r := readmodel.NewReader(pgtest.Pool(t), readmodel.Options{})
	for _, q := range []readmodel.AttentionQuery{{Limit: -1}, {Limit: 101}, {Cause: "void"}, {Cursor: "x"}, {Cursor: "e30"}} {
		_, err := r.Attention(t.Context(), q)
		require.Equal(t, domain.CodeInvalid, domain.Code(err), "%v", q)
	}
}
