package webhooks_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// shares returns how many endpoints each process works on, the fewest first.
func (b *testBundle) shares(t testing.TB) (shares []int) {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `SELECT count(e.endpoint_id) FROM orderloom.webhook_workers w
		LEFT JOIN orderloom.webhook_endpoints e ON e.worker_id = w.worker_id WHERE w.alive_until > now() GROUP BY w.worker_id`)
	require.NoError(t, err)
	for rows.Next() {
		var n int
		require.NoError(t, rows.Scan(&n))
		shares = append(shares, n)
	}
	require.NoError(t, rows.Err())
	slices.Sort(shares)
	return shares
}

func (b *testBundle) awaitShares(t testing.TB, want ...int) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Equal(want, b.shares(t)) }, patience, 20*time.Millisecond, "shares %v", want)
}

// Processes share the endpoints, again when one joins and when one leaves. Nothing is lost then, nothing comes twice,
// and the events of an order stay in order. Fails where a process that joins gets nothing.
func TestProcessesShareTheEndpointsWheneverOneJoinsOrLeaves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var receivers []*receiver
	for range 4 {
		r := newReceiver(t, nil)
		b.endpoint(t, r.URL)
		receivers = append(receivers, r)
	}
	id, events := uuid.New(), 0
	happen := func(n int) {
		b.note(t, "shop", "web", id, events+1, n)
		events += n
	}
	allGot := func() {
		for _, r := range receivers {
			requireWhole(t, r.await(t, events), map[uuid.UUID]int{id: events})
			requireNoRepeat(t, r.taken())
		}
	}
	stop := b.deliver(t)
	b.awaitShares(t, 4)
	happen(20)
	allGot()

	happen(10) // on their way while another joins
	second := b.deliver(t)
	b.awaitShares(t, 2, 2)
	happen(10)
	allGot()
	b.deliver(t)
	b.awaitShares(t, 0, 2, 2) // four are two each, whichever two have them
	stop()
	b.awaitShares(t, 2, 2)
	happen(10)
	allGot()
	second()
	b.awaitShares(t, 4)
	happen(5)
	allGot()
}
