package app

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestRedisLendsNoMoreThanTheRate(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	cache, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: "redis://" + server.Addr(), TTL: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	p := &platform{cache: cache}
	l := p.lender()
	lent := 0
	for range 10 {
		loan, err := l.Lend(t.Context(), "one", httpx.Rate{PerSecond: 1, Burst: 30}, 10)
		require.NoError(t, err)
		lent += loan.Lent
	}
	require.InDelta(t, 30, lent, 2)
	other, err := l.Lend(t.Context(), "two", httpx.Rate{PerSecond: 1, Burst: 30}, 10)
	require.NoError(t, err)
	require.Equal(t, httpx.Loan{Lent: 10, Left: 20}, httpx.Loan{Lent: other.Lent, Left: other.Left})
	server.Close()
	_, err = l.Lend(t.Context(), "one", httpx.Rate{PerSecond: 1, Burst: 30}, 10)
	require.Error(t, err)
}

func TestWithoutRedisEachProcessCountsByItself(t *testing.T) {
	t.Parallel()
	require.Nil(t, (&platform{cache: readmodel.NewLocalCache(time.Minute)}).lender())
}
