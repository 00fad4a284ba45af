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
func (l Limits) InStep(m Money) bool { return m.Cmp(l.floor(m)) == 0 }

// Authorizes reports whether m can be authorised.
func (l Limits) Authorizes(m Money) bool {
	return m.IsPositive() && l.InStep(m) && m.Amount.Cmp(l.AuthorizeMin) >= 0 && (l.Max.IsZero() || m.Amount.Cmp(l.Max) <= 0)
}

// Share returns what is captured when a part of a total is due. Due is the sum of the parts that are due by now.
// Taken is what was captured for those before. Rest is the sum of the parts that are still to come, in whatever
// order.
//
// The shares of all parts add up to the total, cut off to the step. Each is a multiple of the step. A share below the
// least capture is zero, and joins the next. One after which less than the least capture would be left takes that too.
// Only a total that can't be captured at all has a share below the least capture.
func (l Limits) Share(due, taken, rest Money) Money {
	share := l.floor(due).Sub(taken)
	if rest.IsPositive() {
		all := l.floor(due.Add(rest)).Sub(taken)
		switch last := all.Sub(share); {
		case last.IsZero(), last.Amount.Cmp(l.CaptureMin) < 0:
			share = all
		case share.Amount.Cmp(l.CaptureMin) < 0:
			share = due.Sub(due)
		}
	}
	if !share.IsPositive() {
		return due.Sub(due)
	}
	return share
}

// Ceil rounds m up to a multiple of the step.
func (l Limits) Ceil(m Money) Money {
	if floor := l.floor(m); floor.Cmp(m) != 0 {
		return floor.Add(Money{Amount: l.Step, Currency: m.Currency})
	}
	return m
}

// Refundable splits what is owed into what one refund can pay, and what is left to join the next refund. Now is zero
// when all of it has to wait.
func (l Limits) Refundable(owed Money) (now, later Money) {
	now = l.floor(owed)
	if !l.Max.IsZero() && now.Amount.Cmp(l.Max) > 0 {
		now = l.floor(Money{Amount: l.Max, Currency: owed.Currency})
	}
	if !now.IsPositive() || now.Amount.Cmp(l.RefundMin) < 0 {
		now = owed.Sub(owed)
	}
	return now, owed.Sub(now)
}

// floor cuts m off to a multiple of the step.
func (l Limits) floor(m Money) Money {
	if l.Step.IsZero() {
		return m
	}
	return Money{Amount: m.Amount.Sub(m.Amount.Mod(l.Step)), Currency: m.Currency}
}
