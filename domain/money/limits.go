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

// Shares turns the parts of one total into amounts that can be captured one by one, in the same order. They add up to
// the total, cut off to the step.
//
// Each is a multiple of the step. A part below the least capture is zero and joins the next, and the last ones join the
// one before. A total that can't be captured at all is the first share.
func (l Limits) Shares(parts []Money) []Money {
	shares := make([]Money, len(parts))
	var sum, taken, carried Money
	last := 0 // the last share that can be captured
	for i, part := range parts {
		sum = sum.Add(part)
		share := l.floor(sum).Sub(taken)
		taken = taken.Add(share)
		shares[i], carried = part.Sub(part), carried.Add(share)
		if carried.IsPositive() && carried.Amount.Cmp(l.CaptureMin) >= 0 {
			shares[i], carried, last = carried, carried.Sub(carried), i
		}
	}
	if carried.IsPositive() {
		shares[last] = shares[last].Add(carried)
	}
	return shares
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
