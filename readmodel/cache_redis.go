package readmodel

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Limits of the cache in Redis. The timeouts are short because Redis is only there to be faster.
const (
	redisDialTimeout = 100 * time.Millisecond
	redisTimeout     = 50 * time.Millisecond
	// redisTombstoneTTL is longer than any reading of a view that was begun before a change can take.
	redisTombstoneTTL = 2 * loadTimeout
	// redisPendingMax bounds the changes that Redis could not be told of; beyond it the whole cache is
	// cleared once Redis is back.
	redisPendingMax = 100_000
	redisRetry      = time.Second
	// redisBatch is how many changes are told at once. A Redis that does not answer within the timeout is told half as
	// many the next time, and no fewer than redisBatchMin.
	redisBatch    = 200
	redisBatchMin = 10
	redisPrefix   = "orderloom:order:"
)

// RedisCache keeps orders in Redis, for all processes together. While Redis is away it does nothing, at no
// cost; what changed meanwhile is forgotten as soon as Redis is back.
//
// A process that is killed while Redis is away leaves orders in the cache that have changed, for at most the TTL. So
// the projector clears the cache when it starts.
type RedisCache struct {
	client  *redis.Client
	ttl     time.Duration
	log     *slog.Logger
	breaker *breaker.Breaker

	mu       sync.Mutex
	pending  map[uuid.UUID]int64
	overflow bool
	// batch is how much of what is pending is told at once.
	batch int
	// flushing is true while Redis is being told, or is to be.
	flushing bool
	timer    *time.Timer
	closed   bool
}

// RedisOptions says where Redis is.
type RedisOptions struct {
	// URL is such as redis://user:password@host:6379/0, or rediss:// for TLS with the system's authorities.
	URL string
	// TLS is how to talk TLS; nil leaves it to the URL.
	TLS *tls.Config
	// TTL is how long an order stays cached.
	TTL    time.Duration
	Logger *slog.Logger
	// Breakers is the set that shows the breaker of Redis; nil shows it to nobody.
	Breakers *breaker.Set
	// Registerer takes the metric of what Redis is to forget; nil shows it to nobody.
	Registerer prometheus.Registerer
}

// redisBreaker are the settings of the breaker of Redis. It asks once a second whether Redis is back, which costs one
// reader no more than the timeouts.
var redisBreaker = breaker.Settings{Of: "redis", Failures: 3, Rest: time.Second, Probes: 1}

// NewRedisCache returns a cache in Redis. It connects when it is first used. Error: the URL is none of Redis.
func NewRedisCache(opts RedisOptions) (*RedisCache, error) {
	o, err := redis.ParseURL(opts.URL)
	if err != nil {
		return nil, errors.New("REDIS_URL is not a URL of Redis") // the URL holds a password
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = redisDialTimeout, redisTimeout, redisTimeout, redisTimeout
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	if opts.TLS != nil {
		o.TLSConfig = withServerName(opts.TLS, o.Addr)
	}
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	breakers := opts.Breakers
	if breakers == nil {
		breakers = breaker.NewSet(log, nil)
	}
	c := &RedisCache{
		client: redis.NewClient(o), ttl: opts.TTL, log: log, breaker: breakers.Add(redisBreaker), pending: map[uuid.UUID]int64{},
		batch: redisBatch,
	}
	if opts.Registerer != nil {
		opts.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderloom_redis_pending_orders", Help: "Orders that have changed while Redis did not answer, and that it is to forget.",
		}, func() float64 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return float64(len(c.pending))
		}))
	}
	return c, nil
}

// Client is the connection to Redis, for others that keep something there. It is closed with the cache.
func (c *RedisCache) Client() *redis.Client { return c.client }

// withServerName returns how to talk TLS to the server at an address, which the certificate has to name unless another
// name is given.
func withServerName(t *tls.Config, address string) *tls.Config {
	t = t.Clone()
	if host, _, err := net.SplitHostPort(address); err == nil && t.ServerName == "" {
		t.ServerName = host
	}
	return t
}

// Check asks Redis once for each thing that the cache does: it may be there, and not let us do some of them.
func (c *RedisCache) Check(ctx context.Context) error {
	key := redisPrefix + uuid.Nil.String() // no order's
	if err := redisFault(c.client.Get(ctx, key).Err()); err != nil {
		return fmt.Errorf("read from Redis: %w", err)
	}
	if err := putScript.Run(ctx, c.client, []string{key}, 0, "", time.Second.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	if err := c.client.Scan(ctx, 0, redisPrefix+"*", 1).Err(); err != nil {
		return fmt.Errorf("list the keys of Redis: %w", err)
	}
	if err := c.client.Unlink(ctx, key).Err(); err != nil {
		return fmt.Errorf("delete from Redis: %w", err)
	}
	return nil
}

// RefusesCaller reports whether an error says that Redis does not take who we are, or does not let us do that. It stays
// so until somebody changes a setting or a right.
func RefusesCaller(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, refusal := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password", "ERR invalid DB", "ERR DB index"} {
		if strings.Contains(answer.Error(), refusal) {
			return true
		}
	}
	return false
}

// Close closes the connections.
func (c *RedisCache) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.client.Close()
}

// try calls f unless Redis is known to be away.
func (c *RedisCache) try(ctx context.Context, what string, f func() error) bool {
	err := c.breaker.Do(ctx, f)
	var open *breaker.OpenError
	if err != nil && !errors.As(err, &open) {
		c.log.DebugContext(ctx, "Redis does not answer", "doing", what, "error", err)
	}
	return err == nil
}

// Get implements [Cache].
func (c *RedisCache) Get(ctx context.Context, id uuid.UUID) (s Shown, found bool) {
	var value []byte
	ok := c.try(ctx, "get", func() (err error) {
		value, err = c.client.Get(ctx, redisPrefix+id.String()).Bytes()
		return redisFault(err)
	})
	_, body, _ := bytes.Cut(value, []byte("\n"))
	if !ok || len(body) == 0 || json.Unmarshal(body, &s) != nil || s.OrderID != id || len(s.JSON) == 0 {
		return Shown{}, false
	}
	return s, true
}

// put sets a key to a version and a body, unless it holds a later version. An empty body only keeps earlier
// states out.
var putScript = redis.NewScript(`
local present = redis.call('GET', KEYS[1])
if present then
	local version = tonumber(string.match(present, '^(%d+)\n'))
	if version and version > tonumber(ARGV[1]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. '\n' .. ARGV[2], 'PX', ARGV[3])
return 1`)

// Put implements [Cache].
func (c *RedisCache) Put(ctx context.Context, s Shown) {
	body, err := json.Marshal(s)
	if err != nil {
		return
	}
	c.try(ctx, "put", func() error {
		err := putScript.Run(ctx, c.client, []string{redisPrefix + s.OrderID.String()}, s.version().total(), body, c.ttl.Milliseconds()).Err()
		return redisFault(err)
	})
}

// redisFault returns an error that is Redis's own: that there is no such key is none.
func redisFault(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// Invalidate implements [Cache]. What Redis can't be told now it is told later.
func (c *RedisCache) Invalidate(ctx context.Context, changed []OrderVersion) {
	versions := make(map[uuid.UUID]int64, len(changed))
	for _, v := range changed {
		versions[v.OrderID] = max(versions[v.OrderID], v.total())
	}
	if len(versions) == 0 || c.try(ctx, "invalidate", func() error { return c.putTombstones(ctx, versions) }) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, version := range versions {
		if _, known := c.pending[id]; !known && len(c.pending) >= redisPendingMax {
			c.overflow = true
			break
		}
		c.pending[id] = max(c.pending[id], version)
	}
	c.flushLater(ctx)
}

// flushLater lets Redis be told soon of what it could not be told. The caller holds the lock.
func (c *RedisCache) flushLater(ctx context.Context) {
	if c.closed || c.flushing {
		return
	}
	c.flushing = true
	ctx = context.WithoutCancel(ctx)
	c.timer = time.AfterFunc(redisRetry, func() { c.flush(ctx) })
}

// flush tells Redis what it could not be told, a batch after the other, and comes back if that fails.
func (c *RedisCache) flush(ctx context.Context) {
	done := c.flushAll(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushing = false
	if !done || c.overflow || len(c.pending) > 0 {
		c.flushLater(ctx)
	}
}

// flushAll reports whether Redis was told of all.
func (c *RedisCache) flushAll(ctx context.Context) bool {
	c.mu.Lock()
	overflow := c.overflow
	c.overflow = false
	c.mu.Unlock()
	if overflow && !c.try(ctx, "clear", func() error { return c.clear(ctx) }) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.overflow = true
		return false
	}
	for {
		batch := c.pendingBatch()
		if len(batch) == 0 {
			c.setBatch(redisBatch)
			return true
		}
		var late net.Error
		if !c.try(ctx, "invalidate", func() error {
			err := c.putTombstones(ctx, batch)
			errors.As(err, &late)
			return err
		}) {
			if late != nil && late.Timeout() {
				c.setBatch(max(len(batch)/2, redisBatchMin))
			}
			return false
		}
		c.forgotten(batch)
	}
}

func (c *RedisCache) setBatch(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch = n
}

// pendingBatch returns some of what Redis is to be told.
func (c *RedisCache) pendingBatch() map[uuid.UUID]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := make(map[uuid.UUID]int64, min(len(c.pending), c.batch))
	for id, version := range c.pending {
		if len(batch) == c.batch {
			break
		}
		batch[id] = version
	}
	return batch
}

// forgotten takes out what Redis was told.
func (c *RedisCache) forgotten(batch map[uuid.UUID]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, version := range batch {
		if c.pending[id] == version { // otherwise it has changed meanwhile
			delete(c.pending, id)
		}
	}
}

// putTombstones leaves, in place of each order, the version below which a state of it is out of date.
func (c *RedisCache) putTombstones(ctx context.Context, changed map[uuid.UUID]int64) error {
	if err := putScript.Load(ctx, c.client).Err(); err != nil {
		return fmt.Errorf("load script: %w", err)
	}
	for batch := range slices.Chunk(slices.Collect(maps.Keys(changed)), redisBatch) { // each is answered within one timeout
		_, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, id := range batch {
				putScript.EvalSha(ctx, p, []string{redisPrefix + id.String()}, changed[id], "", strconv.FormatInt(redisTombstoneTTL.Milliseconds(), 10))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Clear forgets all orders. The projector calls it when it starts. It may be repeated.
func (c *RedisCache) Clear(ctx context.Context) {
	if !c.try(ctx, "clear", func() error { return c.clear(ctx) }) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.overflow = true
		c.flushLater(ctx)
	}
}

func (c *RedisCache) clear(ctx context.Context) error {
	var cursor uint64
	for {
		keys, next, err := c.client.Scan(ctx, cursor, redisPrefix+"*", 1000).Result()
		if err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		if len(keys) > 0 {
			if err := c.client.Unlink(ctx, keys...).Err(); err != nil {
				return fmt.Errorf("unlink: %w", err)
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
