package pricing

import "github.com/shopspring/decimal"

// Rounding says how what is computed is rounded to the currency's minor unit. The zero value rounds halves up, line by
// line. It is kept on the order.
type Rounding struct {
	// Mode is half_up or half_even; empty for half_up.
	Mode RoundingMode `json:"mode,omitempty"`
	// Per is what a tax is computed of: line or unit; empty for line.
	Per RoundingUnit `json:"per,omitempty"`
}

// RoundingMode says what becomes of a half.
type RoundingMode string

// The rounding modes. Half up is that of most tax authorities; half even is that of accounting systems.
const (
	HalfUp   RoundingMode = "half_up"
	HalfEven RoundingMode = "half_even"
)

// RoundingUnit says what a tax is computed of.
type RoundingUnit string

// A tax of a line is computed of the whole line, or of each piece and then added up.
const (
	PerLine RoundingUnit = "line"
	PerUnit RoundingUnit = "unit"
)

// IsZero reports whether nothing was said, so that the defaults hold.
func (r Rounding) IsZero() bool { return r == Rounding{} }

// quotient is numerator ÷ denominator rounded to digits, exactly: the rest decides, not a longer fraction. Neither is
// below zero.
func (r Rounding) quotient(numerator, denominator decimal.Decimal, digits int32) decimal.Decimal {
	quotient, rest := numerator.QuoRem(denominator, digits)
	unit := decimal.New(1, -digits)
	switch rest.Add(rest).Cmp(denominator.Mul(unit)) {
	case -1:
		return quotient
	case 0:
		if r.Mode == HalfEven && quotient.Shift(digits).Mod(decimal.NewFromInt(2)).IsZero() {
			return quotient
		}
	}
	return quotient.Add(unit)
}
