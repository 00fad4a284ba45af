package payment

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// RefundStatus is where a refund stands.
type RefundStatus string

// The states of a refund.
const (
	// RefundStatusOwed is recorded and not asked for at the gateway yet.
	RefundStatusOwed RefundStatus = "owed"
	// RefundStatusRequested is being asked for: the gateway's answer is not known.
	RefundStatusRequested RefundStatus = "requested"
	// RefundStatusPending was accepted by the gateway, which has not paid it out yet.
	RefundStatusPending RefundStatus = "pending"
	// RefundStatusPaid went back to the customer.
	RefundStatusPaid RefundStatus = "paid"
	// RefundStatusFailed was refused, or came back. What is owed stays owed.
	RefundStatusFailed RefundStatus = "failed"
)

// Refund is money that goes back to the customer, from when it is owed or asked for until it is paid.
type Refund struct {
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason"`
	// Owed is true of an obligation: it follows from a fact, and stays reserved until it is paid. Any other refund was
	// asked for by a person, and lets its amount go when the gateway refuses it.
	Owed bool `json:"owed,omitempty"`
	// Obligation is what was owed first, whatever has become of it since.
	Obligation money.Money `json:"obligation,omitzero"`
	// Covers are what an obligation lacks because refunds that nobody owed give it back. It is owed once they fail.
	Covers []Cover `json:"covers,omitempty"`
	// Completes is the obligation that this one completes, because a refund that had covered a part of it has failed.
	Completes uuid.UUID `json:"completes,omitzero"`
	// MadeElsewhere is true of a refund that was made at the gateway by others.
	MadeElsewhere bool `json:"made_elsewhere,omitempty"`
	// SettledOutside is true of a credit that a person has seen to, because its goods never came.
	SettledOutside bool `json:"settled_outside,omitempty"`
	// Unapplied is what of the amount gives back money that was captured elsewhere and pays for no shipment.
	Unapplied money.Money `json:"unapplied,omitzero"`
	// Lines are what of the amount each line of the order gets back, as far as that is known.
	Lines     []RefundLine    `json:"lines,omitempty"`
	Attempts  []RefundAttempt `json:"attempts,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
}

// RefundLine is what one line or shipping line of the order gets back.
type RefundLine struct {
	// LineID is the id of the line, or of the shipping line.
	LineID uuid.UUID   `json:"line_id"`
	Amount money.Money `json:"amount"`
	// Quantity is the pieces that it is for; left out where it is an amount.
	Quantity int `json:"quantity,omitzero"`
	// Money explains the amount: what of it is price, discount and tax. It is left out where it is just price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// RefundPart is what one request asks the gateway for: an amount from one of the gateway's own payments.
type RefundPart struct {
	// Attempt numbers the requests of a refund from 1. It is part of the idempotency key: [RefundKey].
	Attempt int `json:"attempt"`
	// Source is the gateway's reference of the payment that the money came from.
	Source string      `json:"source"`
	Amount money.Money `json:"amount"`
}

// RefundAttempt is a request for a refund, and what has become of it.
type RefundAttempt struct {
	RefundPart
	// Status is requested, pending, paid or failed.
	Status RefundStatus `json:"status"`
	// GatewayRef is the gateway's reference of the refund, once it has one.
	GatewayRef string `json:"gateway_ref,omitempty"`
	// Outside is true of what a person has settled without the gateway, until the gateway tells of it too. GatewayRef
	// is the reference that the person gave.
	Outside bool `json:"outside,omitempty"`
	// Cause is the gateway's reason for which it failed.
	Cause       string    `json:"cause,omitempty"`
	RequestedAt time.Time `json:"requested_at"`
	SettledAt   time.Time `json:"settled_at,omitzero"`
}

// RefundSummary is a refund as it is told to people.
type RefundSummary struct {
	RefundID uuid.UUID    `json:"refund_id"`
	Amount   money.Money  `json:"amount"`
	Status   RefundStatus `json:"status"`
	Reason   string       `json:"reason"`
	// Cause is why a refund failed, or why one that is owed is not asked for.
	Cause string `json:"cause,omitempty"`
	// Attempts is how often the gateway was asked.
	Attempts int `json:"attempts"`
	// Covered is as [Refund.Covered]; nil for nothing. MadeElsewhere and Lines are as in [Refund].
	Covered       *money.Money `json:"covered,omitempty"`
	MadeElsewhere bool         `json:"made_elsewhere,omitempty"`
	Lines         []RefundLine `json:"lines,omitempty"`
	CreatedAt     time.Time    `json:"created_at"`
	// RefundedAt is when the last of it was paid; left out before.
	RefundedAt time.Time `json:"refunded_at,omitzero"`
}

// Summary tells where one of the payment's refunds stands.
func (p Payment) Summary(r Refund) RefundSummary {
	s := RefundSummary{
		RefundID: r.RefundID, Amount: r.Amount, Status: r.Status(), Reason: r.Reason, Cause: r.Cause(), Attempts: len(r.Attempts), MadeElsewhere: r.MadeElsewhere,
		Lines: r.Lines, CreatedAt: r.CreatedAt.UTC(),
	}
	if covered := r.Covered(); covered.IsPositive() {
		s.Covered = &covered
	}
	if s.Status == RefundStatusOwed && p.Disputed() {
		s.Cause = string(CodePaymentDisputed)
	}
	if at := r.PaidAt(); !at.IsZero() {
		s.RefundedAt = at.UTC()
	}
	return s
}

// Status sums up the attempts.
func (r Refund) Status() RefundStatus {
	switch {
	case r.Amount.IsZero(): // all of it went back otherwise
		return RefundStatusPaid
	case r.has(RefundStatusRequested):
		return RefundStatusRequested
	case r.Remaining().IsPositive() && r.has(RefundStatusFailed):
		return RefundStatusFailed
	case r.Remaining().IsPositive():
		return RefundStatusOwed
	case r.has(RefundStatusPending):
		return RefundStatusPending
	default:
		return RefundStatusPaid
	}
}

// Cause is why the refund failed; empty unless it has.
func (r Refund) Cause() string {
	if r.Status() != RefundStatusFailed {
		return ""
	}
	for _, a := range slices.Backward(r.Attempts) {
		if a.Status == RefundStatusFailed {
			return a.Cause
		}
	}
	return ""
}

// Live is what was asked for and has not failed.
func (r Refund) Live() money.Money {
	return r.sum(RefundStatusRequested, RefundStatusPending, RefundStatusPaid)
}

// Remaining is what is still to be asked for.
func (r Refund) Remaining() money.Money { return r.Amount.Sub(r.Live()) }

// PaidAt is when the last of it was paid; zero before.
func (r Refund) PaidAt() (at time.Time) {
	if r.Status() != RefundStatusPaid {
		return at
	}
	for _, a := range r.Attempts {
		if a.Status == RefundStatusPaid && a.SettledAt.After(at) {
			at = a.SettledAt
		}
	}
	return at
}

func (r Refund) has(s RefundStatus) bool {
	return slices.ContainsFunc(r.Attempts, func(a RefundAttempt) bool { return a.Status == s })
}

// sum is the amount of the attempts in these states.
func (r Refund) sum(states ...RefundStatus) money.Money {
	total := money.Zero(r.Amount.Currency)
	for _, a := range r.Attempts {
		if slices.Contains(states, a.Status) {
			total = total.Add(a.Amount)
		}
	}
	return total
}

// accepted is what the gateway has paid, or has accepted and pays later.
func (r Refund) accepted() money.Money { return r.sum(RefundStatusPending, RefundStatusPaid) }

// reserved is what no other refund may take.
func (r Refund) reserved() money.Money {
	if r.Owed {
		return r.Amount
	}
	return r.Live()
}

// Refund returns the refund with this id.
func (p Payment) Refund(id uuid.UUID) (Refund, bool) {
	i := p.refundIndex(id)
	if i < 0 {
		return Refund{}, false
	}
	return p.Refunds[i], true
}

// OpenRefunds returns the ids of the refunds that a saga has to carry on with, oldest first. They are owed, or their
// answer is not known. One that is pending waits for the gateway, and one that failed for a person. While a dispute is
// open, what is owed waits for its end.
func (p Payment) OpenRefunds() (ids []uuid.UUID) {
	for _, r := range p.Refunds {
		if s := r.Status(); s == RefundStatusRequested || s == RefundStatusOwed && !p.Disputed() {
			ids = append(ids, r.RefundID)
		}
	}
	return ids
}

// OwedInstead returns those of [Payment.OpenRefunds] that are owed because another refund has failed.
func (p Payment) OwedInstead() (ids []uuid.UUID) {
	for _, id := range p.OpenRefunds() {
		if r, _ := p.Refund(id); r.Completes != uuid.Nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Refundable is what is captured and neither refunded, asked for or owed, nor lost in a dispute.
func (p Payment) Refundable() money.Money {
	reserved := p.LostInDisputes()
	for _, r := range p.Refunds {
		reserved = reserved.Add(r.reserved())
	}
	return atLeastNothing(p.Captured.Sub(reserved))
}

// Owed is what is to go back to the customer, and the gateway has neither paid nor accepted yet. It is owed, or was
// asked for and has no answer. What a person asked for and the gateway refused is no part of it.
func (p Payment) Owed() money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, r := range p.Refunds {
		total = total.Add(atLeastNothing(r.reserved().Sub(r.accepted())))
	}
	return total
}

// payable is what the gateway can still pay back: what other refunds are owed is not taken off.
func (p Payment) payable() money.Money {
	gone := p.LostInDisputes()
	for _, r := range p.Refunds {
		gone = gone.Add(r.Live())
	}
	return atLeastNothing(p.Captured.Sub(gone))
}

// refundedOf is what a line of the order got back or is to get back.
func (p Payment) refundedOf(line uuid.UUID) money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, r := range p.Refunds {
		total = total.Add(amountOf(r.counted(), line))
	}
	return total
}

func (p Payment) refundIndex(id uuid.UUID) int {
	return slices.IndexFunc(p.Refunds, func(r Refund) bool { return r.RefundID == id })
}

// changeRefund returns the payment with one refund changed, which is created when it is not there. It shares nothing
// that it changes with p.
func (p Payment) changeRefund(id uuid.UUID, change func(*Refund)) Payment {
	p.Refunds = slices.Clone(p.Refunds)
	i := p.refundIndex(id)
	if i < 0 {
		i = len(p.Refunds)
		p.Refunds = append(p.Refunds, Refund{RefundID: id})
	}
	r := &p.Refunds[i]
	r.Attempts = slices.Clone(r.Attempts)
	change(r)
	p.Refunded = money.Zero(p.Captured.Currency)
	for _, r := range p.Refunds {
		p.Refunded = p.Refunded.Add(r.accepted())
	}
	if p.Status == StatusCaptured || p.Status == StatusRefunded {
		p.Status = p.settledOr(p.Status)
	}
	return p
}

// attempt returns the attempt with this number, nil when there is none.
func (r *Refund) attempt(number int) *RefundAttempt {
	for i := range r.Attempts {
		if r.Attempts[i].Attempt == number {
			return &r.Attempts[i]
		}
	}
	return nil
}

func atLeastNothing(m money.Money) money.Money {
	if m.Amount.IsNegative() {
		return money.Zero(m.Currency)
	}
	return m
}

// CheckRefund names what is wrong with an amount to give back, whatever was captured, as [domain.Invalids].
func CheckRefund(amount money.Money) error {
	var bad domain.Invalids
	m, err := money.New(amount.Amount, amount.Currency)
	var refusal *domain.Error
	switch {
	case domain.Code(err) == money.CodeUnknownCurrency && errors.As(err, &refusal):
		bad.Add("currency", "%s", refusal.Message)
	case errors.As(err, &refusal):
		bad.Add("amount", "%s", refusal.Message)
	case !m.IsPositive():
		bad.Add("amount", "must be more than 0, got %s", m.Text())
	}
	return bad.Err()
}

// CheckRefundCurrency names a refund in another currency than the order was paid in, as [domain.Invalids].
func CheckRefundCurrency(amount, paid money.Money) error {
	var bad domain.Invalids
	if !amount.SameCurrency(paid) {
		bad.Add("currency", "the order was paid in %s", paid.Currency)
	}
	return bad.Err()
}
