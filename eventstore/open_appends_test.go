package eventstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// An append that stays open is shown with what ends it.
func TestOpenAppendsAreShown(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close(t.Context())) }()
	open, err := store.OpenAppends(t.Context())
	require.NoError(t, err)
	require.Empty(t, open)

	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for _, sql := range []string{"BEGIN", fmt.Sprintf("SELECT pg_advisory_xact_lock_shared(%d, %d)", advisory.Appends, advisory.AppendsKey)} {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		open, err = store.OpenAppends(t.Context())
		require.NoError(t, err)
		return len(open) == 1 && open[0].For > 100*time.Millisecond
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "idle in transaction", open[0].State)
	_, err = pool.Exec(t.Context(), "SELECT pg_terminate_backend($1)", open[0].PID)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		open, err = store.OpenAppends(t.Context())
		require.NoError(t, err)
		return len(open) == 0
	}, time.Minute, 10*time.Millisecond)
}
