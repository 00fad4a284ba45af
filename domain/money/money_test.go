package money_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseAcceptsAmountsOfTheCurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, currency, want string }{
		{"19.90", "EUR", "19.90 EUR"},
		{"19.9", "EUR", "19.90 EUR"},
		{"19.9000", "EUR", "19.90 EUR"},
		{" 5 ", "EUR", "5.00 EUR"},
		{"0.01", "USD", "0.01 USD"},
		{"1e3", "USD", "1000.00 USD"},
		{"1500", "JPY", "1500 JPY"},
		{"1500.00", "JPY", "1500 JPY"},
		{"0.125", "KWD", "0.125 KWD"},
		{"0.0001", "CLF", "0.0001 CLF"},
		{"-3.50", "EUR", "-3.50 EUR"},
		{"99999999999999.99", "EUR", "99999999999999.99 EUR"},
	} {
		t.Run(c.text+" "+c.currency, func(t *testing.T) {
			t.Parallel()
			m, err := money.Parse(c.text, c.currency)
			require.NoError(t, err, c.text)
			require.Equal(t, c.want, m.String())
		})
	}
}

func TestParseRefusesWhatIsNoAmount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, currency string
		code           domain.ErrorCode
	}{
		{"", "EUR", "not_a_number"},
		{"a", "EUR", "not_a_number"},
		{"1,50", "EUR", "not_a_number"},
		{"NaN", "EUR", "not_a_number"},
		{"Inf", "EUR", "not_a_number"},
		{"0x10", "EUR", "not_a_number"},
		{"\xff", "EUR", "not_a_number"},
		{"1e1000000000", "EUR", "not_a_number"},
		{"1e9999", "EUR", "amount_too_large"},
		{"1e-9999", "EUR", "amount_too_large"},
		{"1e14", "EUR", "amount_too_large"},
		{"-1e14", "EUR", "amount_too_large"},
		{strings.Repeat("9", 1_000_000), "EUR", "amount_too_large"},
		{"0." + strings.Repeat("0", 30) + "1", "EUR", "amount_too_large"},
		{"0.001", "EUR", "over_precise"},
		{"0.5", "JPY", "over_precise"},
		{"0.0001", "KWD", "over_precise"},
		{"1", "eur", "unknown_currency"},
		{"1", "", "unknown_currency"},
		{"1", "XXX", "unknown_currency"},
		{"1", "XAU", "unknown_currency"},
		{"1", strings.Repeat("E", 1000), "unknown_currency"},
	} {
		t.Run(domain.Clip(c.text)+" "+domain.Clip(c.currency), func(t *testing.T) {
			t.Parallel()
			_, err := money.Parse(c.text, c.currency)
			require.Equal(t, c.code, domain.Code(err), "%.40s %.40s", c.text, c.currency)
			require.Less(t, len(err.Error()), 250, "a refusal repeats little of what it refuses")
		})
	}
}

// A decimal that JSON has read may have any exponent up to the library's limit; it must be refused
// before it is computed with.
func TestNewRefusesHugeExponentsAtOnce(t *testing.T) {
	t.Parallel()
	for _, exp := range []int32{10_000, 1 << 30, -10_000, -1 << 30} {
		_, err := money.New(decimal.New(1, exp), "EUR")
		require.EqualValues(t, "amount_too_large", domain.Code(err))
	}
}

func TestJSONForm(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(money.Must("5", "KWD"))
	require.NoError(t, err)
	require.JSONEq(t, `{"amount":"5.000","currency":"KWD"}`, string(b))

	// A currency that nobody has checked yet can't break out of its string.
	hostile := money.Money{Currency: `EUR","paid":"yes`}
	b, err = json.Marshal(hostile)
	require.NoError(t, err)
	var back map[string]string
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, map[string]string{"amount": "0.00", "currency": hostile.Currency}, back)
}

func TestZeroValueAddsToAnything(t *testing.T) {
	t.Parallel()
	five := money.Must("5", "EUR")
	require.Equal(t, "5.00 EUR", money.Money{}.Add(five).String())
	require.Equal(t, "5.00 EUR", five.Sub(money.Money{}).String())
	require.True(t, money.Zero("EUR").IsZero())
}

func TestCurrenciesDoNotMix(t *testing.T) {
	t.Parallel()
	eur, usd := money.Must("5", "EUR"), money.Must("5", "USD")
	require.False(t, eur.SameCurrency(usd))
	require.Panics(t, func() { eur.Add(usd) })
	require.Panics(t, func() { eur.Sub(usd) })
	require.Panics(t, func() { eur.Cmp(usd) })
	require.Panics(t, func() { money.Must("x", "EUR") })
}

func currency() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"EUR", "USD", "JPY", "KRW", "KWD", "TND", "CLF"})
}

func amount(currency string) *rapid.Generator[money.Money] {
	return rapid.Custom(func(t *rapid.T) money.Money {
		return money.FromMinorUnits(rapid.Int64Range(-1_000_000_000_000, 1_000_000_000_000).Draw(t, "minor units"), currency)
	})
}

func TestArithmeticIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := currency().Draw(t, "currency")
		a, b := amount(c).Draw(t, "a"), amount(c).Draw(t, "b")
		n := rapid.IntRange(0, 100_000).Draw(t, "n")
		require.Zero(t, a.Add(b).Sub(b).Cmp(a))
		require.Zero(t, a.Add(b).Cmp(b.Add(a)))
		require.Zero(t, a.Times(n).Add(a).Cmp(a.Times(n+1)))
		require.Equal(t, a.MinorUnits()+b.MinorUnits(), a.Add(b).MinorUnits(), "as whole minor units")
		require.Equal(t, a.Cmp(b), -b.Cmp(a))
	})
}

func TestEveryFormReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := amount(currency().Draw(t, "currency")).Draw(t, "a")
		parsed, err := money.Parse(a.Text(), a.Currency)
		require.NoError(t, err)
		require.Zero(t, parsed.Cmp(a))
		require.Zero(t, money.FromMinorUnits(a.MinorUnits(), a.Currency).Cmp(a))
		b, err := json.Marshal(a)
		require.NoError(t, err)
		var read money.Money
		require.NoError(t, json.Unmarshal(b, &read))
		require.Zero(t, read.Cmp(a))
		again, err := json.Marshal(read)
		require.NoError(t, err)
		require.Equal(t, string(b), string(again))
	})
}

// Whatever a stranger writes is an amount of the currency or refused with a code; it never panics.
func TestParseOfAnything(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+−]?[0-9.]{0,25}([eE][-+]?[0-9]{0,11})?`))
	rapid.Check(t, func(t *rapid.T) {
		m, err := money.Parse(text.Draw(t, "text"), currency().Draw(t, "currency"))
		if err != nil {
			require.NotEmpty(t, domain.Code(err))
			return
		}
		require.Zero(t, money.FromMinorUnits(m.MinorUnits(), m.Currency).Cmp(m), "whole minor units")
		require.LessOrEqual(t, len(m.Text()), money.AmountDigitsMax+2)
	})
}

func TestCurrencyDigits(t *testing.T) {
	t.Parallel()
	for code, digits := range map[string]int32{"EUR": 2, "JPY": 0, "ISK": 0, "BHD": 3, "UYW": 4, "nope": 2} {
		require.Equal(t, digits, money.Digits(code), code)
	}
	require.True(t, money.KnownCurrency("CHF"))
	require.False(t, money.KnownCurrency("BGN"), "Bulgaria has had the euro since 2026")
}

func Example() {
	price, err := money.Parse("19.90", "EUR")
	if err != nil {
		panic(err)
	}
	fmt.Println(price.Times(3))
	_, err = money.Parse("0.001", "EUR")
	fmt.Println(err)
	// Output:
	// 59.70 EUR
	// over_precise: EUR allows 2 digits after the point, got 0.001
}
