package backoff

import (
	"sync"
	"time"
)

// remindEvery is how often the same failure is told again.
const remindEvery = time.Minute

// Complaint keeps a failure that repeats from filling the log. The zero value is ready for use, and safe for concurrent
// use.
type Complaint struct {
	mu   sync.Mutex
	last string
	at   time.Time
}

// Due reports whether a failure is to be told: it is another one than the last, or was told a minute ago.
func (c *Complaint) Due(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if err.Error() == c.last && now.Sub(c.at) < remindEvery {
		return false
	}
	c.last, c.at = err.Error(), now
	return true
}

// Over is told of a success: the next failure is told at once.
func (c *Complaint) Over() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = ""
}
