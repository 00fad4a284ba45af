package stripefake

import (
	"net/url"
	"strconv"
)

// CaptureElsewhere plays a person who captures an amount of an intent in Stripe's dashboard, which releases the rest.
// It reports whether Stripe did it.
func (s *Server) CaptureElsewhere(intentID string, amount int64) bool {
	return s.byHand(intentID, func(pi *intent) bool {
		return s.capture(pi, url.Values{"amount_to_capture": {strconv.FormatInt(amount, 10)}}) == nil
	})
}

// CancelElsewhere plays a person who cancels an intent in Stripe's dashboard. It reports whether Stripe did it.
func (s *Server) CancelElsewhere(intentID string) bool {
	return s.byHand(intentID, func(pi *intent) bool {
		return s.cancel(pi, url.Values{"cancellation_reason": {"requested_by_customer"}}) == nil
	})
}

// RefundElsewhere plays a person who refunds an amount of an intent in Stripe's dashboard, and returns the refund's id;
// none when Stripe refused.
func (s *Server) RefundElsewhere(intentID string, amount int64) (id string) {
	s.byHand(intentID, func(pi *intent) bool {
		made, f := s.createRefund(url.Values{"payment_intent": {pi.id}, "amount": {strconv.FormatInt(amount, 10)}})
		if f != nil {
			return false
		}
		id, _ = made.(map[string]any)["id"].(string)
		return true
	})
	return id
}

func (s *Server) byHand(intentID string, act func(*intent) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pi := s.intent(intentID)
	return pi != nil && act(pi)
}

// PendRefunds lets the refunds that are made from now on be pending until [Server.SettleRefund] or [Server.FailRefund].
func (s *Server) PendRefunds(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pendRefunds = on
}

// ForgetKeys forgets all idempotency keys.
func (s *Server) ForgetKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.keys)
}

// Revoke takes our API key away, or gives it back: each request is then answered with 401.
func (s *Server) Revoke(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = on
}

// Relent forgets what was to go wrong: see [Server.Inject].
func (s *Server) Relent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}
