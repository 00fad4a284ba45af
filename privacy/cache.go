package privacy

import (
	"crypto/cipher"
	"sync"
	"time"
)

// CacheTTL is how long a process keeps a data key in memory, and so how long an erasure may take to
// hold in every process.
const CacheTTL = 30 * time.Second

// cacheKeysMax bounds the data keys in memory.
const cacheKeysMax = 10_000

// dataKey is a customer's key, ready to use.
type dataKey struct {
	name   string // "<subject>:<generation>"
	cipher cipher.AEAD
	erased bool
}

// cache keeps data keys for a short time: by name, and the living one by subject.
type cache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]cached
}

type cached struct {
	key   dataKey
	until time.Time
}

func (c *cache) get(id string) (dataKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	if !ok || c.now().After(e.until) {
		return dataKey{}, false
	}
	return e.key, true
}

func (c *cache) put(id string, k dataKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= cacheKeysMax {
		c.evict()
	}
	c.entries[id] = cached{key: k, until: c.now().Add(CacheTTL)}
}

// evict drops what is out of date, or else anything.
func (c *cache) evict() {
	now := c.now()
	for id, e := range c.entries {
		if now.After(e.until) {
			delete(c.entries, id)
		}
	}
	for id := range c.entries {
		if len(c.entries) < cacheKeysMax {
			return
		}
		delete(c.entries, id)
	}
}

// forget drops every key of a subject.
func (c *cache) forget(subject string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.entries {
		if s, _, ok := parseName(id); id == livingID(subject) || ok && s == subject {
			delete(c.entries, id)
		}
	}
}

// livingID is where the cache has the key that a subject's new data are sealed with. A name of a key
// never begins like that.
func livingID(subject string) string { return "\x00" + subject }
