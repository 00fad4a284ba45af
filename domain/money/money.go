// Package money is amounts that are exact in their currency.
//
// An amount is a decimal. Its digits after the point are at most those of the currency's minor unit (ISO 4217): two
// for EUR, none for JPY. There are no floats, and nothing is rounded: an operation that would need rounding is
// refused.
//
//	price, err := money.Parse("19.90", "EUR")
//	total := price.Times(3) // 59.70 EUR
package money

import (
	"encoding/json"
	"strings"

	"github.com/orderloom/orderloom/domain"
	"github.com/shopspring/decimal"
)

// Refusals.
const (
	// CodeUnknownCurrency refuses a currency that is no active ISO 4217 code.
	CodeUnknownCurrency domain.ErrorCode = "unknown_currency"
	// CodeAmountTooLarge refuses an amount from 10^14 on, or with more than [AmountDigitsMax] digits.
	CodeAmountTooLarge domain.ErrorCode = "amount_too_large"
	// CodeOverPrecise refuses an amount with more digits after the point than its currency's minor unit has.
	CodeOverPrecise domain.ErrorCode = "over_precise"
	// CodeNotANumber refuses a text that is no decimal number.
	CodeNotANumber domain.ErrorCode = "not_a_number"
)

// AmountDigitsMax bounds the digits of an amount, so that a stranger can't send megabytes of them.
const AmountDigitsMax = 18

// Money is an amount in a currency. The zero value is no money in no currency, which adds to any.
// Its JSON form is {"amount":"19.90","currency":"EUR"}, the amount always with all the digits of the
// currency's minor unit.
type Money struct {
	Amount   decimal.Decimal `json:"amount"`
	Currency string          `json:"currency"`
}

// New returns amount in currency.
//
// Errors: unknown_currency; over_precise when amount has more digits than the currency's minor unit; amount_too_large
// from 10^14 on, or with more than [AmountDigitsMax] digits.
func New(amount decimal.Decimal, currency string) (Money, error) {
	digits, ok := exponents[currency]
	if !ok {
		return Money{}, domain.Refuse(CodeUnknownCurrency, "%q is not an active ISO 4217 currency code", domain.Clip(currency))
	}
	// Checked before any arithmetic: 1e999999999 is a short text and a huge number.
	if exp := amount.Exponent(); exp > AmountDigitsMax || exp < -AmountDigitsMax || amount.NumDigits() > AmountDigitsMax {
		return Money{}, domain.Refuse(CodeAmountTooLarge, "an amount has at most %d digits", AmountDigitsMax)
	}
	if !amount.Equal(amount.Truncate(digits)) {
		return Money{}, domain.Refuse(CodeOverPrecise, "%s allows %d digits after the point, got %s", currency, digits, amount)
	}
	if amount.Abs().Cmp(amountMax) >= 0 {
		return Money{}, domain.Refuse(CodeAmountTooLarge, "an amount is below %s", amountMax)
	}
	return Money{Amount: amount.Truncate(digits), Currency: currency}, nil
}

// amountMax leaves room for the four digits of the most precise currency, and for sums in an int64 of
// minor units.
var amountMax = decimal.New(1, AmountDigitsMax-4)

// Parse returns the amount written in s, such as "19.90". Errors: as [New], and not_a_number.
func Parse(s, currency string) (Money, error) {
	if len(s) > 2*AmountDigitsMax {
		return Money{}, domain.Refuse(CodeAmountTooLarge, "an amount has at most %d digits", AmountDigitsMax)
	}
	d, err := decimal.NewFromString(strings.TrimSpace(s))
	if err != nil {
		return Money{}, domain.Refuse(CodeNotANumber, "%q is not a decimal number", domain.Clip(s))
	}
	return New(d, currency)
}

// Must is [Parse] for amounts known to be right, such as constants in tests; it panics otherwise.
func Must(s, currency string) Money {
	m, err := Parse(s, currency)
	if err != nil {
		panic(err)
	}
	return m
}

// Zero is nothing in currency.
func Zero(currency string) Money { return Money{Currency: currency} }

// KnownCurrency reports whether code is an active ISO 4217 code in upper case.
func KnownCurrency(code string) bool { _, ok := exponents[code]; return ok }

// Digits is the number of digits of the currency's minor unit; 2 for an unknown one.
func Digits(currency string) int32 {
	if d, ok := exponents[currency]; ok {
		return d
	}
	return 2
}

// Add returns m + o. It panics when the currencies differ, which is an error of the program: amounts
// that come from outside are compared with [Money.SameCurrency] first.
func (m Money) Add(o Money) Money {
	return Money{Amount: m.Amount.Add(o.Amount), Currency: m.common(o)}
}

// Sub returns m - o; it panics as [Money.Add] does.
func (m Money) Sub(o Money) Money {
	return Money{Amount: m.Amount.Sub(o.Amount), Currency: m.common(o)}
}

// Times returns m multiplied by a quantity.
func (m Money) Times(n int) Money {
	return Money{Amount: m.Amount.Mul(decimal.NewFromInt(int64(n))), Currency: m.Currency}
}

// Cmp returns -1, 0 or 1 as m is less than, equal to or more than o; it panics as [Money.Add] does.
func (m Money) Cmp(o Money) int { m.common(o); return m.Amount.Cmp(o.Amount) }

// IsZero reports whether the amount is 0.
func (m Money) IsZero() bool { return m.Amount.IsZero() }

// IsPositive reports whether the amount is above 0.
func (m Money) IsPositive() bool { return m.Amount.IsPositive() }

// SameCurrency reports whether m and o may be added.
func (m Money) SameCurrency(o Money) bool { return m.Currency == o.Currency }

// MinorUnits returns the amount in the currency's smallest unit: 1990 for 19.90 EUR, 1990 for 1990 JPY.
func (m Money) MinorUnits() int64 { return m.Amount.Shift(Digits(m.Currency)).IntPart() }

// FromMinorUnits is the inverse of [Money.MinorUnits].
func FromMinorUnits(n int64, currency string) Money {
	return Money{Amount: decimal.New(n, -Digits(currency)), Currency: currency}
}

// Text is the amount alone with all its digits, such as "19.90".
func (m Money) Text() string { return m.Amount.StringFixed(Digits(m.Currency)) }

// String is the amount and its currency, such as "19.90 EUR".
func (m Money) String() string { return m.Text() + " " + m.Currency }

// MarshalJSON writes {"amount":"19.90","currency":"EUR"}.
func (m Money) MarshalJSON() ([]byte, error) {
	currency := []byte(`"` + m.Currency + `"`)
	if !KnownCurrency(m.Currency) { // then it may hold anything, a quotation mark too
		currency, _ = json.Marshal(m.Currency) // a string is always written
	}
	return append(append([]byte(`{"amount":"`+m.Text()+`","currency":`), currency...), '}'), nil
}

func (m Money) common(o Money) string {
	switch {
	case m.Currency == o.Currency, o.Currency == "" && o.IsZero():
		return m.Currency
	case m.Currency == "" && m.IsZero():
		return o.Currency
	}
	panic("money: " + m.Currency + " and " + o.Currency + " do not mix")
}
