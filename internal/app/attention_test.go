package app

import (
	"testing"

	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// The metric is there once it is counted, and not while it can't be.
func TestWhatWaitsIsCountedBeforeItIsShown(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	gauge := newAttentionGauge(registry)
	shown := func() int {
		families, err := registry.Gather()
		require.NoError(t, err)
		if len(families) == 0 {
			return 0
		}
		return len(families[0].GetMetric())
	}
	require.Zero(t, shown())
	pool := pgtest.Pool(t)
	require.NoError(t, setAttention(t.Context(), gauge, pool))
	require.Equal(t, len(attention.AllCauses()), shown())
	_, err := pool.Exec(t.Context(), "ALTER TABLE orderloom.waiting_sagas RENAME TO gone")
	require.NoError(t, err)
	require.Error(t, setAttention(t.Context(), gauge, pool))
	require.Zero(t, shown(), "an old number would not be true")
}
