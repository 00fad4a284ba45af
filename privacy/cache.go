package privacy

import (
	"crypto/cipher"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
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

// cache keeps data keys for a short time: by name, and the living one by subject. The longest unused are dropped first.
type cache struct {
	now func() time.Time

	mu      sync.Mutex
	entries *simplelru.LRU[string, cached]
}

type cached struct {
	key   dataKey
	until time.Time
}

func newCache(now func() time.Time) *cache {
	entries, err := simplelru.NewLRU[string, cached](cacheKeysMax, nil)
	if err != nil {
		panic(err) // only of a size below 1
	}
	return &cache{now: now, entries: entries}
}

func (c *cache) get(id string) (dataKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries.Get(id)
	if !ok || c.now().After(e.until) {
		return dataKey{}, false
	}
	return e.key, true
}

func (c *cache) put(id string, k dataKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Add(id, cached{key: k, until: c.now().Add(CacheTTL)})
}

// forget drops every key of a subject.
func (c *cache) forget(subject string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range c.entries.Keys() {
		if s, _, ok := parseName(id); id == livingID(subject) || ok && s == subject {
			c.entries.Remove(id)
		}
	}
}

// livingID is where the cache has the key that a subject's new data are sealed with. A name of a key
// never begins like that.
func livingID(subject string) string { return "\x00" + subject }
