package stripefake

import (
	"net/url"
	"slices"
	"time"
)

type dispute struct {
	id, intent, charge, status, reason, currency string
	amount                                       int64
	// moved are what the bank has taken (below zero) and given back.
	moved   []int64
	created time.Time
}

func (d *dispute) render() map[string]any {
	transactions := []any{}
	for _, amount := range d.moved {
		transactions = append(transactions, map[string]any{
			"id": "txn_" + d.id, "object": "balance_transaction", "amount": amount, "currency": d.currency, "type": "adjustment",
		})
	}
	return map[string]any{
		"id": d.id, "object": "dispute", "amount": d.amount, "currency": d.currency, "charge": d.charge, "payment_intent": d.intent, "reason": d.reason,
		"status": d.status, "created": d.created.Unix(), "balance_transactions": transactions, "metadata": map[string]string{}, "livemode": false,
		"is_charge_refundable": false,
	}
}

func (d *dispute) open() bool {
	return d.status == "needs_response" || d.status == "warning_needs_response"
}

// OpenDispute plays a customer who contests an amount of an intent at the bank. The bank takes the money at once,
// unless it is only an inquiry.
func (s *Server) OpenDispute(intentID string, amount int64, inquiry bool) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pi := s.intent(intentID)
	d := &dispute{
		id: s.id("dp"), intent: pi.id, charge: pi.chargeID, status: "needs_response", reason: "fraudulent", currency: pi.currency, amount: amount, created: s.now,
	}
	s.disputes = append(s.disputes, d)
	if pi.disputed = true; inquiry {
		d.status = "warning_needs_response"
		s.emit("charge.dispute.created", d.render())
		return d.id
	}
	s.emit("charge.dispute.created", d.render())
	d.moved = []int64{-amount}
	s.book("adjustment", d.id, d.currency, -amount, feeDispute)
	s.emit("charge.dispute.funds_withdrawn", d.render())
	return d.id
}

// EndDispute plays the bank that decides a dispute. A merchant who has won gets the money back.
func (s *Server) EndDispute(id string, won bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.disputes {
		if d.id != id || !d.open() {
			continue
		}
		switch {
		case len(d.moved) == 0:
			d.status = "warning_closed"
		case won:
			d.status = "won"
			d.moved = append(d.moved, d.amount)
			s.book("adjustment", d.id, d.currency, d.amount, 0)
			s.emit("charge.dispute.funds_reinstated", d.render())
		default:
			d.status = "lost"
		}
		s.emit("charge.dispute.closed", d.render())
	}
}

// isDisputed reports whether an intent has a dispute that is open, or lost: Stripe refunds nothing of it then.
func (s *Server) isDisputed(pi *intent) bool {
	return slices.ContainsFunc(s.disputes, func(d *dispute) bool { return d.intent == pi.id && len(d.moved) == 1 })
}

func (s *Server) listDisputes(form url.Values) (any, *failure) {
	if f := knows(form, "payment_intent charge created limit starting_after"); f != nil {
		return nil, f
	}
	var found []*dispute
	for _, d := range slices.Backward(s.disputes) {
		if pi := form.Get("payment_intent"); (pi == "" || d.intent == pi) && within(form, d.created) {
			found = append(found, d)
		}
	}
	return page("/v1/disputes", found, func(d *dispute) string { return d.id }, form, func(d *dispute) any { return d.render() }), nil
}
