package httpx

import "sync"

// Share hands out a bounded number of places. Each caller has at most some of them, and no more than are free then. One
// caller leaves half of them to the others, two leave a third, and many together still leave a place to whoever comes
// new. It is safe for concurrent use.
//
// What is free bounds queues of switches in the same way: A. K. Choudhury and E. L. Hahne, Dynamic Queue Length
// Thresholds for Shared-Memory Packet Switches, 1998.
type Share struct {
	all, each int

	mu   sync.Mutex
	held int
	by   map[string]int
}

// NewShare returns a share of all places, of which each caller has at most each. Callers who may have all of them are
// told apart by nothing.
func NewShare(all, each int) *Share {
	return &Share{all: all, each: max(each, 1), by: map[string]int{}}
}

// Take takes a place for a caller, who gives it back with [Share.Give]. Errors: overloaded when all places
// are taken, rate_limited when the caller has its share already.
func (s *Share) Take(caller string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := s.by[caller]; {
	case s.held >= s.all:
		return NewProblem(KindOverloaded, "")
	case n >= s.most():
		return NewProblem(KindRateLimited, "too many requests of this caller are under way at once")
	default:
		s.held, s.by[caller] = s.held+1, n+1
		return nil
	}
}

// most is how many places a caller may have now.
func (s *Share) most() int {
	if s.each >= s.all {
		return s.all
	}
	return min(s.each, s.all-s.held)
}

// Give gives a place back.
func (s *Share) Give(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
	if n := s.by[caller] - 1; n > 0 {
		s.by[caller] = n
	} else {
		delete(s.by, caller)
	}
}

// Held is how many places are taken.
func (s *Share) Held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}
