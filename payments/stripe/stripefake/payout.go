package stripefake

import (
	"net/url"
	"slices"
	"time"
)

// transaction is a line of the balance.
type transaction struct {
	id, kind, source, currency, payout string
	amount, fee                        int64
	created                            time.Time
}

type payout struct {
	id, currency, status, reconciliation string
	amount                               int64
	automatic                            bool
	created                              time.Time
}

// What the account pays for a charge: 1.5 % and a quarter of a unit, and fifteen units for a dispute.
const (
	feeThousandths = 15
	feeFixed       = 25
	feeDispute     = 1_500
)

// book writes a line of the balance.
func (s *Server) book(kind, source, currency string, amount, fee int64) {
	s.balance = append(s.balance, &transaction{
		id: s.id("txn"), kind: kind, source: source, currency: currency, amount: amount, fee: fee, created: s.now,
	})
}

func chargeFee(amount int64) int64 { return amount*feeThousandths/1000 + feeFixed }

// PayOut plays the payout of the day: all that is on the balance in a currency goes to the bank. It returns the
// payout's id.
func (s *Server) PayOut(currency string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &payout{id: s.id("po"), currency: currency, status: "paid", reconciliation: "completed", automatic: true, created: s.now}
	for _, t := range s.balance {
		if t.payout == "" && t.currency == currency && t.kind != "payout" {
			t.payout = p.id
			p.amount += t.amount - t.fee
		}
	}
	s.payouts = append(s.payouts, p)
	s.book("payout", p.id, currency, -p.amount, 0)
	s.balance[len(s.balance)-1].payout = p.id
	return p.id
}

// PayOutByHand plays a person who has an amount paid out: nobody knows then of what it consists.
func (s *Server) PayOutByHand(currency string, amount int64) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &payout{id: s.id("po"), currency: currency, status: "paid", reconciliation: "not_applicable", amount: amount, created: s.now}
	s.payouts = append(s.payouts, p)
	s.book("payout", p.id, currency, -amount, 0)
	return p.id
}

// SetPayout sets where a payout stands, such as failed, and whether Stripe has put together of what it consists.
func (s *Server) SetPayout(id, status, reconciliation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.payouts {
		if p.id == id {
			p.status, p.reconciliation = status, reconciliation
		}
	}
}

// ChargeElsewhere plays another program that charges a card on the same account.
func (s *Server) ChargeElsewhere(currency string, amount int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book("charge", s.id("ch"), currency, amount, chargeFee(amount))
}

// ChargeFee plays a fee of Stripe's own.
func (s *Server) ChargeFee(currency string, amount int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book("stripe_fee", "", currency, -amount, 0)
}

func (s *Server) listPayouts(form url.Values) (any, *failure) {
	if f := knows(form, "created arrival_date status destination limit starting_after"); f != nil {
		return nil, f
	}
	var found []*payout
	for _, p := range slices.Backward(s.payouts) {
		if status := form.Get("status"); (status == "" || p.status == status) && within(form, p.created) {
			found = append(found, p)
		}
	}
	return page("/v1/payouts", found, func(p *payout) string { return p.id }, form, func(p *payout) any {
		return map[string]any{
			"id": p.id, "object": "payout", "amount": p.amount, "currency": p.currency, "automatic": p.automatic, "created": p.created.Unix(),
			"arrival_date": p.created.AddDate(0, 0, 2).Unix(), "status": p.status, "reconciliation_status": p.reconciliation, "type": "bank_account",
			"livemode": false, "metadata": map[string]string{},
		}
	}), nil
}

func (s *Server) listTransactions(form url.Values) (any, *failure) {
	if f := knows(form, "payout source type currency created limit starting_after"); f != nil {
		return nil, f
	}
	of := form.Get("payout")
	if of != "" {
		i := slices.IndexFunc(s.payouts, func(p *payout) bool { return p.id == of })
		switch {
		case i < 0:
			return nil, notFound("payout: '" + of + "'")
		case !s.payouts[i].automatic:
			return nil, invalid("", "payout", "Balance transaction history can only be filtered on automatic transfers, not manual.")
		case s.payouts[i].reconciliation != "completed":
			of = "none yet"
		}
	}
	var found []*transaction
	for _, t := range slices.Backward(s.balance) {
		if (of == "" || t.payout == of) && within(form, t.created) {
			found = append(found, t)
		}
	}
	return page("/v1/balance_transactions", found, func(t *transaction) string { return t.id }, form, func(t *transaction) any {
		m := map[string]any{
			"id": t.id, "object": "balance_transaction", "type": t.kind, "amount": t.amount, "fee": t.fee, "net": t.amount - t.fee, "currency": t.currency,
			"created": t.created.Unix(), "available_on": t.created.AddDate(0, 0, 2).Unix(), "status": "available", "fee_details": []any{},
		}
		if t.source != "" {
			m["source"] = any(t.source)
			if full := s.source(t.source); full != nil && expands(form, "source") {
				m["source"] = full
			}
		}
		return m
	}), nil
}

// source is what a line of the balance is about, in full; nil for what is no more known than by its id.
func (s *Server) source(id string) any {
	for _, pi := range s.intents {
		if pi.chargeID == id {
			return pi.charge(s.o.AuthorizationLife)
		}
	}
	for _, r := range s.refunds {
		if r.id == id {
			return r.render()
		}
	}
	for _, d := range s.disputes {
		if d.id == id {
			return d.render()
		}
	}
	return nil
}
