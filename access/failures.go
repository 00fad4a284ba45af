package access

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits of failed authentications.
const (
	// FailuresMax is how many authentications of one address may fail at once. One more may after each FailureEvery.
	FailuresMax  = 30
	FailureEvery = 2 * time.Second
	// failuresKept is how many addresses are remembered. One that is forgotten begins anew.
	failuresKept = 10_000
	// prefix6 is the part of an IPv6 address that a network gives to one customer (RFC 6177).
	prefix6 = 64
)

// Failures gives each address a budget of failed authentications. It is safe for concurrent use.
type Failures struct {
	now func() time.Time

	mu sync.Mutex
	// full is when the budget of an address is whole again.
	full *simplelru.LRU[netip.Addr, time.Time]
}

// NewFailures returns a budget in which nobody has failed.
func NewFailures() *Failures {
	full, err := simplelru.NewLRU[netip.Addr, time.Time](failuresKept, nil)
	if err != nil {
		panic("access: " + err.Error()) // the size is positive
	}
	return &Failures{now: time.Now, full: full}
}

// Wait returns how long an address has to wait until it may fail again; 0 while it may.
func (f *Failures) Wait(address netip.Addr) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	full, known := f.full.Peek(Network(address))
	if !known {
		return 0
	}
	return max(0, full.Sub(f.now())-(FailuresMax-1)*FailureEvery)
}

// Fail notes that an authentication of an address has failed.
func (f *Failures) Fail(address netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	address, now := Network(address), f.now()
	full, known := f.full.Get(address)
	if !known || full.Before(now) {
		full = now
	}
	f.full.Add(address, full.Add(FailureEvery))
}

// Network is the address of those who share a budget or a limit: of IPv6, a network.
func Network(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	if p, err := a.WithZone("").Prefix(prefix6); err == nil {
		return p.Addr()
	}
	return a
}
