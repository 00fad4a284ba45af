package money

import "github.com/shopspring/decimal"

// Limits are the amounts of one currency that a payment service moves. The zero value moves every amount above zero.
type Limits struct {
	// Step is what each amount is a multiple of; zero for the currency's minor unit.
	Step decimal.Decimal `json:"step,omitzero"`
	// AuthorizeMin, CaptureMin and RefundMin are the least that one authorisation, capture or refund moves; zero for
	// anything above zero.
	AuthorizeMin decimal.Decimal `json:"authorize_min,omitzero"`
	CaptureMin   decimal.Decimal `json:"capture_min,omitzero"`
	RefundMin    decimal.Decimal `json:"refund_min,omitzero"`
	// Max is the most that one operation moves; zero for no limit.
	Max decimal.Decimal `json:"max,omitzero"`
}

// IsZero reports whether every amount above zero can be moved.
func (l Limits) IsZero() bool {
	return l.Step.IsZero() && l.AuthorizeMin.IsZero() && l.CaptureMin.IsZero() && l.RefundMin.IsZero() && l.Max.IsZero()
}

// InStep reports whether m is a multiple of the step.
func (l Limits) InStep(m Money) bool { return m.Cmp(l.Floor(m)) == 0 }

// Authorizes reports whether m can be authorised.
func (l Limits) Authorizes(m Money) bool { return l.moves(m, l.AuthorizeMin) }

// Captures reports whether m can be captured.
func (l Limits) Captures(m Money) bool { return l.moves(m, l.CaptureMin) }

// Refunds reports whether m can be refunded.
func (l Limits) Refunds(m Money) bool { return l.moves(m, l.RefundMin) }

// moves reports whether one operation can move m, of which the least is given.
func (l Limits) moves(m Money, least decimal.Decimal) bool {
	return m.IsPositive() && l.InStep(m) && m.Amount.Cmp(least) >= 0 && (l.Max.IsZero() || m.Amount.Cmp(l.Max) <= 0)
}

// Share returns what is captured when a part of a total is due. Due is the sum of the parts that are due by now.
// Taken is what was captured before, for whichever part. Rest is the sum of the parts that are still to come, in
// whatever order.
//
// Each share is a multiple of the step, and none is below the least capture. One that would be is zero, and joins the
// next. One after which less than the least capture would be left takes that too. So the shares of all parts add up to
// the total, cut off to the step. Where less than the least capture is left in the end, nobody can capture it.
func (l Limits) Share(due, taken, rest Money) Money {
	share := l.Floor(due.Sub(taken))
	if rest.IsPositive() {
		all := l.Floor(due.Add(rest).Sub(taken))
		if last := all.Sub(share); last.IsZero() || last.Amount.Cmp(l.CaptureMin) < 0 {
			share = all
		}
	}
	if !share.IsPositive() || share.Amount.Cmp(l.CaptureMin) < 0 {
		return due.Sub(due)
	}
	return share
}

// Ceil rounds m up to a multiple of the step.
func (l Limits) Ceil(m Money) Money {
	if floor := l.Floor(m); floor.Cmp(m) != 0 {
		return floor.Add(Money{Amount: l.Step, Currency: m.Currency})
	}
	return m
}

// Refundable splits what is owed into what one refund can pay, and what is left to join the next refund. Now is zero
// when all of it has to wait.
func (l Limits) Refundable(owed Money) (now, later Money) {
	now = l.Floor(owed)
	if !l.Max.IsZero() && now.Amount.Cmp(l.Max) > 0 {
		now = l.Floor(Money{Amount: l.Max, Currency: owed.Currency})
	}
	if !now.IsPositive() || now.Amount.Cmp(l.RefundMin) < 0 {
		now = owed.Sub(owed)
	}
	return now, owed.Sub(now)
}

// Floor cuts m off to a multiple of the step.
func (l Limits) Floor(m Money) Money {
	if l.Step.IsZero() {
		return m
	}
	return Money{Amount: m.Amount.Sub(m.Amount.Mod(l.Step)), Currency: m.Currency}
}
