package readmodel

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits of the cache in this process.
const (
	localOrdersMax = 10_000
	// localFreshness is how long the cache is trusted after [Changes] was last in touch with the database. It is the
	// longest that another process's change can go unnoticed.
	localFreshness = 3 * time.Second
)

// LocalCache keeps orders in this process. It is kept up to date by [Changes], which must run beside it: when
// that falls silent the cache answers nothing.
type LocalCache struct {
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex
	orders  *simplelru.LRU[uuid.UUID, localEntry]
	touched time.Time
}

// localEntry is an order, or only the version below which a state of it is out of date.
type localEntry struct {
	version int64
	order   *Shown
	expires time.Time
}

// NewLocalCache returns an empty cache that keeps an order for ttl.
func NewLocalCache(ttl time.Duration) *LocalCache {
	orders, err := simplelru.NewLRU[uuid.UUID, localEntry](localOrdersMax, nil)
	if err != nil {
		panic(err) // only of a size below 1
	}
	return &LocalCache{ttl: ttl, now: time.Now, orders: orders}
}

// Get implements [Cache].
func (c *LocalCache) Get(_ context.Context, id uuid.UUID) (Shown, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.touched) > localFreshness {
		return Shown{}, false
	}
	entry, ok := c.orders.Get(id)
	if !ok || entry.order == nil || now.After(entry.expires) {
		return Shown{}, false
	}
	return *entry.order, true
}

// Put implements [Cache].
func (c *LocalCache) Put(_ context.Context, s Shown) {
	c.set(s.OrderID, localEntry{version: s.version().total(), order: &s})
}

// Invalidate implements [Cache].
func (c *LocalCache) Invalidate(_ context.Context, changed []OrderVersion) {
	if c == nil {
		return
	}
	for _, v := range changed {
		c.set(v.OrderID, localEntry{version: v.total()})
	}
}

// set keeps an entry, unless a later one is there. A state that was read before a change must not come back after it.
func (c *LocalCache) set(id uuid.UUID, entry localEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if present, ok := c.orders.Peek(id); ok &&
		(present.version > entry.version || present.version == entry.version && entry.order == nil) {
		return
	}
	entry.expires = c.now().Add(c.ttl)
	c.orders.Add(id, entry)
}

// touch records that all changes up to at are known.
func (c *LocalCache) touch(at time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touched = at
}
