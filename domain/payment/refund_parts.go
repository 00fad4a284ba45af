package payment

import (
	"slices"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// CauseNotPayable is why a part of a refund has failed that the gateway was not asked for: it moves no such amount.
const CauseNotPayable = "below_gateway_minimum"

// CheckRefundable names an amount that the gateway does not give back, as [domain.Invalids] that blame a field. One
// above the most of one refund is given back by several.
func CheckRefundable(field string, amount money.Money, l money.Limits) error {
	var bad domain.Invalids
	switch {
	case !l.InStep(amount):
		bad.Add(field, "the payment gateway refunds %s in steps of %s, and not %s",
			amount.Currency, money.Money{Amount: l.Step, Currency: amount.Currency}.Text(), amount.Text())
	case amount.Amount.Cmp(l.RefundMin) < 0:
		bad.Add(field, "the payment gateway refunds at least %s, and not %s", money.Money{Amount: l.RefundMin, Currency: amount.Currency}, amount.Text())
	}
	return bad.Err()
}

// shareOut shares out an amount over the gateway's payments that money was captured from, the last one first. Each part
// is an amount that the gateway gives back, and no more than its payment has left. Unpaid is what fits nowhere.
func (p Payment) shareOut(amount money.Money, attempts int, l money.Limits) (parts []RefundPart, unpaid money.Money) {
	sources := p.refundSources()
	unpaid = amount
	for i := range sources { // another order may leave less
		tried, left := shareOutInOrder(slices.Concat(sources[i:], sources[:i]), amount, l)
		if left.Cmp(unpaid) < 0 {
			parts, unpaid = tried, left
		}
	}
	for i := range parts {
		parts[i].Attempt = attempts + i + 1
	}
	return parts, unpaid
}

// shareOutInOrder takes as much as there is from each source, and as much less as the last part needs to be paid.
func shareOutInOrder(sources []Source, amount money.Money, l money.Limits) (parts []RefundPart, unpaid money.Money) {
	least := l.Ceil(money.Money{Amount: l.RefundMin, Currency: amount.Currency})
	for i, s := range sources {
		left := s.Captured
		for {
			part, _ := l.Refundable(smaller(left, amount))
			if !part.IsPositive() {
				break
			}
			rest, _ := (money.Limits{Step: l.Step}).Refundable(amount.Sub(part))
			less := part.Sub(least.Sub(rest))
			takers := slices.Concat(sources[i+1:], []Source{{Captured: left.Sub(less)}})
			if rest.IsPositive() && less.Cmp(least) >= 0 && less.Cmp(part) < 0 &&
				slices.ContainsFunc(takers, func(s Source) bool { return s.Captured.Cmp(least) >= 0 }) {
				part = less
			}
			parts, left, amount = append(parts, RefundPart{Source: s.GatewayRef, Amount: part}), left.Sub(part), amount.Sub(part)
		}
	}
	return parts, amount
}

// refundSources are the gateway's payments, with what is left to give back of each: the present one first.
func (p Payment) refundSources() []Source {
	sources := []Source{{GatewayRef: p.GatewayRef, Captured: p.capturedHere().Sub(p.refundedFrom(p.GatewayRef))}}
	for _, s := range p.Earlier {
		sources = append(sources, Source{GatewayRef: s.GatewayRef, Captured: s.Captured.Sub(p.refundedFrom(s.GatewayRef))})
	}
	return sources
}

// refundedFrom is what was taken back from one of the gateway's payments.
func (p Payment) refundedFrom(source string) money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, r := range p.Refunds {
		for _, a := range r.Attempts {
			if a.Source == source && a.Status != RefundStatusFailed {
				total = total.Add(a.Amount)
			}
		}
	}
	return total
}
