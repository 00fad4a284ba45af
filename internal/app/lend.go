package app

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/readmodel"
)

// lender lends tokens out of buckets in Redis, which all processes share. It is nil without Redis.
func (p *platform) lender() httpx.Lender {
	cache, ok := p.cache.(*readmodel.RedisCache)
	if !ok {
		return nil
	}
	return redisLender{redis_rate.NewLimiter(cache.Client())}
}

type redisLender struct{ limiter *redis_rate.Limiter }

// Lend implements [httpx.Lender].
func (l redisLender) Lend(ctx context.Context, caller string, limit httpx.Rate, n int) (httpx.Loan, error) {
	r, err := l.limiter.AllowAtMost(ctx, "orderloom:"+caller, redis_rate.Limit{Rate: limit.PerSecond, Burst: limit.Burst, Period: time.Second}, n)
	if err != nil {
		return httpx.Loan{}, fmt.Errorf("lend requests in Redis: %w", err)
	}
	return httpx.Loan{Lent: r.Allowed, Left: r.Remaining, After: r.RetryAfter}, nil
}
