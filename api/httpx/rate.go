package httpx

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Rate bounds how many requests each caller makes: it has a token bucket.
type Rate struct {
	// PerSecond is how many a caller may make in the long run. Zero bounds nothing.
	PerSecond int
	// Burst is how many it may make at once after a rest.
	Burst int
}

// Lender keeps one bucket for each caller, which all processes share. Calls may come at once.
type Lender interface {
	// Lend takes at most n tokens out of a caller's bucket.
	Lend(ctx context.Context, caller string, limit Rate, n int) (Loan, error)
}

// Loan is what a [Lender] has given.
type Loan struct {
	// Lent is how many tokens it has given, and Left how many are left in the bucket.
	Lent, Left int
	// After is when there is another one, for a loan of fewer than were asked for.
	After time.Duration
}

const (
	// callersMax is how many callers are remembered. One that is forgotten has a full bucket again.
	callersMax = 10_000
	// batches is the part of a caller's rate that is lent at once.
	batches = 10
	// lendTimeout bounds a loan. For lendPause after one that failed, each process counts by itself.
	lendTimeout = time.Second
	lendPause   = 5 * time.Second
)

// buckets are the token buckets of the callers. Where there is a lender, each process takes tokens from it in batches,
// in the background. So no request waits for that, and a caller may be a batch ahead in each process. It is safe for
// concurrent use.
type buckets struct {
	// name is that of the policy.
	name   string
	limit  Rate
	lender Lender // nil for a process that counts by itself
	batch  int
	policy string

	mu sync.Mutex
	by *simplelru.LRU[string, *bucket]
}

// bucket is what is known of one caller.
type bucket struct {
	// own counts without a lender, and while it does not answer: until alone.
	own   *rate.Limiter
	alone time.Time
	// tokens were lent and not used, and owed were used and not lent. Left is what the lender has had left.
	tokens, owed, left int
	// until is when the lender has tokens again, and asking is true while it is asked.
	until  time.Time
	asking bool
}

// The policies, by the names that the headers have for them.
const (
	policyCaller = "caller"
	policyOrders = "orders"
)

// newBuckets returns nil for a rate that bounds nothing.
func newBuckets(name string, limit Rate, lender Lender) *buckets {
	if limit.PerSecond <= 0 {
		return nil
	}
	limit.Burst = max(limit.Burst, limit.PerSecond)
	by, err := simplelru.NewLRU[string, *bucket](callersMax, nil)
	if err != nil {
		panic("httpx: " + err.Error()) // the size is above zero
	}
	window := int(math.Ceil(float64(limit.Burst) / float64(limit.PerSecond)))
	return &buckets{
		name: name, limit: limit, lender: lender, batch: max(limit.PerSecond/batches, 1), by: by,
		policy: fmt.Sprintf(`%q;q=%d;w=%d`, name, limit.Burst, window),
	}
}

// take takes n tokens of a caller, and never more than it can have at once. Left is how many it has left, and full
// after how many seconds it has all of them.
// Error: rate_limited, with the time after which there are as many.
func (b *buckets) take(caller string, n int, now time.Time) (left, full int, err error) {
	n = min(n, b.limit.Burst)
	b.mu.Lock()
	defer b.mu.Unlock()
	k, known := b.by.Get(caller)
	if !known {
		k = &bucket{own: rate.NewLimiter(rate.Limit(b.limit.PerSecond), b.limit.Burst), left: b.limit.Burst}
		b.by.Add(caller, k)
	}
	allowed, tokens, after := b.takeFrom(k, caller, n, now)
	full = int(math.Ceil((float64(b.limit.Burst) - tokens) / float64(b.limit.PerSecond)))
	if allowed {
		return int(tokens), full, nil
	}
	p := NewProblem(KindRateLimited, fmt.Sprintf(rateWords[b.name], b.limit.PerSecond))
	p.RetryAfter = max(time.Second, after)
	return 0, full, p
}

// rateWords say what the policies bound.
var rateWords = map[string]string{
	policyCaller: "a caller makes at most %d requests a second",
	policyOrders: "a caller places at most %d orders a second",
}

// takeFrom takes n tokens, and tells what is left and when there are as many.
func (b *buckets) takeFrom(k *bucket, caller string, n int, now time.Time) (allowed bool, left float64, after time.Duration) {
	switch {
	case b.lender == nil || now.Before(k.alone):
		return b.takeOwn(k, n, now)
	case k.tokens >= n:
		k.tokens, allowed = k.tokens-n, true
	case now.Before(k.until):
		return false, 0, k.until.Sub(now)
	case k.owed < b.batch:
		k.owed, allowed = k.owed+n, true
	default: // the lender is slow
		return b.takeOwn(k, n, now)
	}
	if !k.asking && k.tokens <= b.batch/2 && !now.Before(k.until) {
		k.asking = true
		go b.borrow(k, caller, b.batch+k.owed)
	}
	return allowed, float64(max(k.left+k.tokens-k.owed, 0)), 0
}

func (b *buckets) takeOwn(k *bucket, n int, now time.Time) (allowed bool, left float64, after time.Duration) {
	allowed = k.own.AllowN(now, n)
	left = max(k.own.TokensAt(now), 0)
	return allowed, left, time.Duration((float64(n) - left) / float64(b.limit.PerSecond) * float64(time.Second))
}

// borrow takes n tokens from the lender, and pays what is owed.
func (b *buckets) borrow(k *bucket, caller string, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), lendTimeout)
	defer cancel()
	loan, err := b.lender.Lend(ctx, b.name+":"+caller, b.limit, n)
	b.mu.Lock()
	defer b.mu.Unlock()
	k.asking = false
	if err != nil {
		k.alone, k.owed = time.Now().Add(lendPause), 0
		return
	}
	paid := min(loan.Lent, k.owed)
	k.owed, k.tokens, k.left = k.owed-paid, k.tokens+loan.Lent-paid, loan.Left
	if loan.Lent < n {
		k.until = time.Now().Add(loan.After)
	}
}

// limitRate takes from the buckets of the caller what the route costs. It tells in the headers what is left, as the
// IETF's draft "RateLimit header fields for HTTP" has it. Error: rate_limited.
func (x *Exchange) limitRate(now time.Time, route Route) error {
	if route.Quiet && route.Open { // whoever distributes requests asks these, maybe from the address of all
		return nil
	}
	h := x.Writer.Header()
	for _, taken := range [...]struct {
		from *buckets
		n    int
	}{{x.router.buckets, max(route.Cost, 1)}, {x.router.scarce, 1}} {
		b := taken.from
		if b == nil || b.name == policyOrders && !route.Places {
			continue
		}
		left, full, err := b.take(x.Party(), taken.n, now)
		h["Ratelimit-Policy"] = listed(h["Ratelimit-Policy"], b.policy)
		h["Ratelimit"] = listed(h["Ratelimit"], `"`+b.name+`";r=`+strconv.Itoa(left)+";t="+strconv.Itoa(full))
		if err != nil {
			return err
		}
	}
	return nil
}

// listed adds an item to a list in a header (RFC 9651, section 3.1).
func listed(list []string, item string) []string {
	if len(list) == 0 {
		return []string{item}
	}
	return []string{list[0] + ", " + item}
}
