package httpx

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Rate bounds how many requests each caller makes: a token bucket for each.
type Rate struct {
	// PerSecond is how many a caller may make in the long run. Zero bounds nothing.
	PerSecond int
	// Burst is how many it may make at once after a rest.
	Burst int
}

// callersMax is how many callers are remembered. One that is forgotten has a full bucket again.
const callersMax = 10_000

// buckets are the token buckets of the callers. It is safe for concurrent use.
type buckets struct {
	limit  Rate
	policy []string

	mu sync.Mutex
	by *simplelru.LRU[string, *rate.Limiter]
}

// newBuckets returns nil for a rate that bounds nothing.
func newBuckets(limit Rate) *buckets {
	if limit.PerSecond <= 0 {
		return nil
	}
	limit.Burst = max(limit.Burst, limit.PerSecond)
	by, err := simplelru.NewLRU[string, *rate.Limiter](callersMax, nil)
	if err != nil {
		panic("httpx: " + err.Error()) // the size is above zero
	}
	window := int(math.Ceil(float64(limit.Burst) / float64(limit.PerSecond)))
	return &buckets{limit: limit, by: by, policy: []string{fmt.Sprintf(`"caller";q=%d;w=%d`, limit.Burst, window)}}
}

// take takes a token of a caller. Left is how many it has left, and full after how many seconds it has all of them.
// Error: rate_limited, with the time after which there is a token.
func (b *buckets) take(caller string, now time.Time) (left, full int, err error) {
	b.mu.Lock()
	limiter, known := b.by.Get(caller)
	if !known {
		limiter = rate.NewLimiter(rate.Limit(b.limit.PerSecond), b.limit.Burst)
		b.by.Add(caller, limiter)
	}
	b.mu.Unlock()
	allowed := limiter.AllowN(now, 1)
	tokens := max(limiter.TokensAt(now), 0)
	full = int(math.Ceil((float64(b.limit.Burst) - tokens) / float64(b.limit.PerSecond)))
	if allowed {
		return int(tokens), full, nil
	}
	p := NewProblem(KindRateLimited, fmt.Sprintf("a caller makes at most %d requests a second", b.limit.PerSecond))
	p.RetryAfter = max(time.Second, time.Duration((1-tokens)/float64(b.limit.PerSecond)*float64(time.Second)))
	return 0, full, p
}

// limitRate takes a token of the caller. It tells in the header what it has left, as the IETF's draft "RateLimit header
// fields for HTTP" has it. Error: rate_limited.
func (x *Exchange) limitRate(now time.Time) error {
	b := x.router.buckets
	if b == nil {
		return nil
	}
	left, full, err := b.take(x.Party(), now)
	h := x.Writer.Header()
	h["Ratelimit-Policy"] = b.policy
	h["Ratelimit"] = []string{`"caller";r=` + strconv.Itoa(left) + ";t=" + strconv.Itoa(full)}
	return err
}
