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

// The doctor looks whose store it is, and claims none.
func TestTheDoctorTellsAStoreOfAnotherMode(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	p := &patient{Maintenance: &Maintenance{Pool: pool}}
	p.cfg.HTTP.Access.Mode = access.Test
	told, err := p.storeOfMode(t.Context())
	require.NoError(t, err)
	require.Contains(t, told, "no process")
	require.NoError(t, checkMode(t.Context(), pool, access.Live))
	_, err = p.storeOfMode(t.Context())
	require.ErrorContains(t, err, "ORDERLOOM_MODE=live")
	p.cfg.HTTP.Access.Mode = access.Live
	told, err = p.storeOfMode(t.Context())
	require.NoError(t, err)
	require.Equal(t, "live", told)
}
