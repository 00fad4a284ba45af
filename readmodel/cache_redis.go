package readmodel

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/breaker"
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
	redisPrefix     = "orderloom:order:"
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
	return &RedisCache{
		client: redis.NewClient(o), ttl: opts.TTL, log: log, breaker: breakers.Add(redisBreaker), pending: map[uuid.UUID]int64{},
	}, nil
}

// withServerName returns how to talk TLS to the server at an address, which the certificate has to name unless another
// name is given.
func withServerName(t *tls.Config, address string) *tls.Config {
	t = t.Clone()
	if host, _, err := net.SplitHostPort(address); err == nil && t.ServerName == "" {
		t.ServerName = host
	}
	return t
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
	c.mu.Lock()
	for _, v := range changed {
		if _, known := c.pending[v.OrderID]; !known && len(c.pending) >= redisPendingMax {
			c.overflow = true
			break
		}
		c.pending[v.OrderID] = max(c.pending[v.OrderID], v.total())
	}
	c.mu.Unlock()
	c.flush(ctx)
}

// flush tells Redis what has changed, and comes back if that fails.
func (c *RedisCache) flush(ctx context.Context) {
	c.mu.Lock()
	changed, overflow := c.pending, c.overflow
	c.pending, c.overflow = map[uuid.UUID]int64{}, false
	c.mu.Unlock()
	if len(changed) == 0 && !overflow {
		return
	}
	ok := c.try(ctx, "invalidate", func() error {
		if overflow {
			if err := c.clear(ctx); err != nil {
				return err
			}
		}
		return c.putTombstones(ctx, changed)
	})
	if ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, version := range changed {
		c.pending[id] = max(c.pending[id], version)
	}
	c.overflow = c.overflow || overflow
	switch {
	case c.closed:
	case c.timer == nil:
		background := context.WithoutCancel(ctx)
		c.timer = time.AfterFunc(redisRetry, func() { c.flush(background) })
	default:
		c.timer.Reset(redisRetry)
	}
}

// putTombstones leaves, in place of each order, the version below which a state of it is out of date.
func (c *RedisCache) putTombstones(ctx context.Context, changed map[uuid.UUID]int64) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := putScript.Load(ctx, c.client).Err(); err != nil {
		return fmt.Errorf("load script: %w", err)
	}
	_, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for id, version := range changed {
			putScript.EvalSha(ctx, p, []string{redisPrefix + id.String()}, version, "", strconv.FormatInt(redisTombstoneTTL.Milliseconds(), 10))
		}
		return nil
	})
	return err
}

// Clear forgets all orders. The projector calls it when it starts. It may be repeated.
func (c *RedisCache) Clear(ctx context.Context) {
	if !c.try(ctx, "clear", func() error { return c.clear(ctx) }) {
		c.mu.Lock()
		c.overflow = true
		c.mu.Unlock()
		c.flush(ctx)
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
