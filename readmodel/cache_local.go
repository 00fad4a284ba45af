package readmodel

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
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
	orders  map[uuid.UUID]*list.Element
	byUse   *list.List // front was used last
	touched time.Time
}

// localEntry is an order, or only the version below which a state of it is out of date.
type localEntry struct {
	id      uuid.UUID
	version int64
	order   *Shown
	expires time.Time
}

// NewLocalCache returns an empty cache that keeps an order for ttl.
func NewLocalCache(ttl time.Duration) *LocalCache {
	return &LocalCache{ttl: ttl, now: time.Now, orders: map[uuid.UUID]*list.Element{}, byUse: list.New()}
}

// Get implements [Cache].
func (c *LocalCache) Get(_ context.Context, id uuid.UUID) (Shown, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.orders[id]
	if e == nil || c.now().Sub(c.touched) > localFreshness {
		return Shown{}, false
	}
	entry := e.Value.(*localEntry)
	if entry.order == nil || c.now().After(entry.expires) {
		return Shown{}, false
	}
	c.byUse.MoveToFront(e)
	return *entry.order, true
}

// Put implements [Cache].
func (c *LocalCache) Put(_ context.Context, s Shown) {
	c.set(&localEntry{id: s.OrderID, version: s.version().total(), order: &s})
}

// Invalidate implements [Cache].
func (c *LocalCache) Invalidate(_ context.Context, changed []OrderVersion) {
	if c == nil {
		return
	}
	for _, v := range changed {
		c.set(&localEntry{id: v.OrderID, version: v.total()})
	}
}

func (c *LocalCache) set(entry *localEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry.expires = c.now().Add(c.ttl)
	if e := c.orders[entry.id]; e != nil {
		// A state that was read before a change must not come back after it.
		if e.Value.(*localEntry).version > entry.version || e.Value.(*localEntry).version == entry.version && entry.order == nil {
			return
		}
		e.Value = entry
		c.byUse.MoveToFront(e)
		return
	}
	c.orders[entry.id] = c.byUse.PushFront(entry)
	for c.byUse.Len() > localOrdersMax {
		last := c.byUse.Back()
		delete(c.orders, c.byUse.Remove(last).(*localEntry).id)
	}
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
