package stripe

import (
	"strings"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// codeAmount is the code of an amount that Stripe can't take in its currency.
const codeAmount domain.ErrorCode = "amount_not_chargeable"

// scale turns ISO 4217's minor units into Stripe's where the two differ
// (https://docs.stripe.com/currencies#special-cases).
type scale struct {
	// times and per make Stripe's unit out of the minor unit: n * times / per.
	times, per int64
	// step is what a minor-unit amount must be a multiple of.
	step int64
}

var scales = map[string]scale{
	// Kept with two decimals for old integrations, although the currencies have none any more.
	"ISK": {times: 100, per: 1, step: 1},
	"UGX": {times: 100, per: 1, step: 1},
	// Without decimals at Stripe; one ariary is five iraimbilanja, which nobody pays with.
	"MGA": {times: 1, per: 100, step: 100},
	// Three decimals, of which cards know two.
	"BHD": {times: 1, per: 1, step: 10},
	"JOD": {times: 1, per: 1, step: 10},
	"KWD": {times: 1, per: 1, step: 10},
	"OMR": {times: 1, per: 1, step: 10},
	"TND": {times: 1, per: 1, step: 10},
}

// unsupported are the currencies with other decimals than two that Stripe doesn't take.
const unsupported = "IQD LYD CLF UYW UYI"

func scaleOf(currency string) scale {
	if s, ok := scales[currency]; ok {
		return s
	}
	return scale{times: 1, per: 1, step: 1}
}

// leastUnits are the smallest amounts that Stripe moves, in its own unit. What it takes in another currency must be
// worth half a US dollar, by a rate that nobody knows before
// (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
var leastUnits = map[string]int64{
	"AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1_500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400,
	"HUF": 17_500, "INR": 50, "JPY": 50, "MXN": 1_000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50,
	"THB": 1_000, "USD": 50,
}

// mostUnits is the largest amount that Stripe moves, in its own unit: eight digits.
const mostUnits = 99_999_999

// Limits returns the amounts that Stripe moves in a currency, and false for one that it does not take. Any amount of
// what was captured can be refunded.
func Limits(currency string) (money.Limits, bool) {
	if !money.KnownCurrency(currency) || strings.Contains(unsupported, currency) {
		return money.Limits{}, false
	}
	least := fromStripe(leastUnits[currency], currency).Amount
	return money.Limits{
		Step: money.FromMinorUnits(scaleOf(currency).step, currency).Amount, AuthorizeMin: least, CaptureMin: least,
		Max: fromStripe(mostUnits, currency).Amount,
	}, true
}

// toStripe returns an amount in Stripe's smallest unit, and the currency as Stripe writes it.
// Errors: amount_not_chargeable.
func toStripe(m money.Money) (int64, string, error) {
	s, n := scaleOf(m.Currency), m.MinorUnits()
	switch {
	case !money.KnownCurrency(m.Currency) || strings.Contains(unsupported, m.Currency):
		return 0, "", domain.Refuse(codeAmount, "Stripe takes no %s", m.Currency)
	case n <= 0:
		return 0, "", domain.Refuse(codeAmount, "Stripe takes no %s, only amounts above zero", m)
	case n%s.step != 0:
		return 0, "", domain.Refuse(codeAmount, "Stripe takes %s in steps of %s, got %s", m.Currency, money.FromMinorUnits(s.step, m.Currency).Text(), m)
	}
	return minor(m), strings.ToLower(m.Currency), nil
}

// minor returns an amount in Stripe's smallest unit. It may be one that no request asks for: a person may have moved it
// at Stripe.
func minor(m money.Money) int64 {
	s := scaleOf(m.Currency)
	return m.MinorUnits() * s.times / s.per
}

// fromStripe is the inverse of toStripe and minor. What Stripe may hold and ISO 4217 doesn't know, a hundredth of
// a króna, is cut off.
func fromStripe(n int64, currency string) money.Money {
	currency = strings.ToUpper(currency)
	s := scaleOf(currency)
	return money.FromMinorUnits(n*s.per/s.times, currency)
}
