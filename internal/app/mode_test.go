package app

import (
	"testing"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// The first platform on a store says of which kind it is, for good: orders for trying are never beside live ones.
func TestAStoreBelongsToOneMode(t *testing.T) {
	t.Parallel()
	for first, other := range map[access.Mode]access.Mode{access.Live: access.Test, access.Test: access.Live} {
		pool := pgtest.Pool(t)
		require.NoError(t, checkMode(t.Context(), pool, first))
		require.NoError(t, checkMode(t.Context(), pool, first))
		err := checkMode(t.Context(), pool, other)
		require.ErrorIs(t, err, ErrUnfit)
		require.ErrorContains(t, err, "ORDERLOOM_MODE="+string(first))
	}
}
