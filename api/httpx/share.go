package httpx

import "sync"

// Share hands out a bounded number of places. Each caller has at most some of them, so that one caller leaves room for
// the others. It is safe for concurrent use.
type Share struct {
	all, each int

	mu   sync.Mutex
	held int
	by   map[string]int
}

// NewShare returns a share of all places, of which each caller has at most each.
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
	case n >= s.each:
		return NewProblem(KindRateLimited, "too many requests of this caller are under way at once")
	default:
		s.held, s.by[caller] = s.held+1, n+1
		return nil
	}
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
