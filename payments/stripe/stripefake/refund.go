package stripefake

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

type refund struct {
	id, intent, status, currency, reason, why string
	amount                                    int64
	metadata                                  map[string]string
	created                                   time.Time
	// release is true of what only tells that the rest of an authorisation was let go.
	release bool
}

func (r *refund) render() map[string]any {
	m := map[string]any{
		"id": r.id, "object": "refund", "amount": r.amount, "currency": r.currency, "payment_intent": r.intent, "status": r.status,
		"metadata": r.metadata, "created": r.created.Unix(),
	}
	if r.reason != "" {
		m["failure_reason"] = r.reason
	}
	if r.why != "" {
		m["reason"] = r.why
	}
	if !r.release { // a release has none, so nobody can rely on it
		m["destination_details"] = map[string]any{"type": "card", "card": map[string]any{"type": "refund"}}
	}
	return m
}

// refundInStep is a refund over the API.
func (s *Server) refundInStep(form url.Values) (any, *failure) {
	if pi := s.intent(form.Get("payment_intent")); pi != nil {
		if f := checkStep("amount", form.Get("amount"), pi.currency); f != nil {
			return nil, f
		}
	}
	return s.createRefund(form)
}

func (s *Server) createRefund(form url.Values) (any, *failure) {
	if f := knows(form, "payment_intent amount metadata"); f != nil {
		return nil, f
	}
	pi := s.intent(form.Get("payment_intent"))
	if pi == nil {
		return nil, notFound("payment_intent")
	}
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	switch {
	case err != nil || amount <= 0:
		return nil, invalid("parameter_invalid_integer", "amount", "Invalid amount")
	case pi.received == 0:
		return nil, invalid("", "payment_intent", "This PaymentIntent does not have a successful charge to refund.")
	case s.isDisputed(pi):
		return nil, invalid("charge_disputed", "", "This charge has been charged back, so it can't be refunded.")
	case pi.refunded == pi.received:
		return nil, invalid("charge_already_refunded", "", "Charge has already been refunded.")
	case amount > pi.received-pi.refunded:
		return nil, invalid("", "amount", "Refund amount is greater than unrefunded amount on charge")
	}
	r := &refund{
		id: s.id("re"), intent: pi.id, status: succeeded, currency: pi.currency, amount: amount, metadata: metadataOf(form), created: s.now,
	}
	if s.pendRefunds {
		r.status = pending
	}
	s.refunds = append(s.refunds, r)
	s.book("refund", r.id, r.currency, -amount, 0)
	pi.refunded += amount
	s.emit("refund.created", r.render())
	s.emit("charge.refunded", pi.charge(s.o.AuthorizationLife))
	return r.render(), nil
}

// release shows what is let go of an authorisation as a refund of its charge, where the account does so.
func (s *Server) release(pi *intent, why string) {
	rest := pi.amount - pi.received
	if !s.o.ReleaseIsRefund || !pi.authorized || rest == 0 {
		return
	}
	r := &refund{
		id: s.id("re"), intent: pi.id, status: succeeded, currency: pi.currency, why: why, amount: rest, metadata: map[string]string{}, created: s.now, release: true,
	}
	s.refunds = append(s.refunds, r)
	pi.released = rest
	s.emit("refund.created", r.render())
	s.emit("charge.refunded", pi.charge(s.o.AuthorizationLife))
}

func (s *Server) listRefunds(form url.Values) (any, *failure) {
	if f := knows(form, "payment_intent created limit starting_after"); f != nil {
		return nil, f
	}
	var found []*refund
	for _, r := range slices.Backward(s.refunds) {
		if pi := form.Get("payment_intent"); (pi == "" || r.intent == pi) && within(form, r.created) {
			found = append(found, r)
		}
	}
	return page("/v1/refunds", found, func(r *refund) string { return r.id }, form, func(r *refund) any { return r.render() }), nil
}

const pending = "pending"

// FailRefund plays a bank that can't book a refund: it fails after it was made, and the money is back.
func (s *Server) FailRefund(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refunds {
		if r.id == id && !r.release && (r.status == succeeded || r.status == pending) {
			r.status, r.reason = "failed", "expired_or_canceled_card"
			s.intent(r.intent).refunded -= r.amount
			s.book("refund_failure", r.id, r.currency, r.amount, 0)
			s.emit("refund.failed", r.render())
			s.emit("refund.updated", r.render())
		}
	}
}

// SettleRefund plays a bank that has booked a refund which was pending.
func (s *Server) SettleRefund(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refunds {
		if r.id == id && r.status == pending {
			r.status = succeeded
			s.emit("refund.updated", r.render())
		}
	}
}
