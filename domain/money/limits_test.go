package money_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func amounts(currency string, texts ...string) []money.Money {
	out := make([]money.Money, len(texts))
	for i, text := range texts {
		out[i] = money.Must(text, currency)
	}
	return out
}

func TestSharesCanBeCaptured(t *testing.T) {
	t.Parallel()
	dinars := money.Limits{Step: decimal.RequireFromString("0.010"), CaptureMin: decimal.RequireFromString("0.150")}
	for name, c := range map[string]struct {
		limits          money.Limits
		currency        string
		parts, expected []string
	}{
		"as they are without limits":          {money.Limits{}, "EUR", []string{"19.99", "0.01"}, []string{"19.99", "0.01"}},
		"rounded to the step":                 {dinars, "KWD", []string{"17.605", "17.595"}, []string{"17.600", "17.600"}},
		"in steps already":                    {dinars, "KWD", []string{"17.600", "0.200"}, []string{"17.600", "0.200"}},
		"too little joins the next":           {dinars, "KWD", []string{"0.140", "0.020", "5.000"}, []string{"0.000", "0.160", "5.000"}},
		"too little at the end joins before":  {dinars, "KWD", []string{"5.000", "0.140"}, []string{"5.140", "0.000"}},
		"too little in all is never captured": {dinars, "KWD", []string{"0.010", "0.020"}, []string{"0.000", "0.000"}},
		"a total out of step is cut off":      {dinars, "KWD", []string{"17.605"}, []string{"17.600"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var shares []string
			for _, share := range captured(c.limits, amounts(c.currency, c.parts...)) {
				shares = append(shares, share.Text())
			}
			require.Equal(t, c.expected, shares)
		})
	}
}

// captured returns the share of each part, which are due one after the other.
func captured(l money.Limits, parts []money.Money) []money.Money {
	var due, taken, rest money.Money
	for _, part := range parts {
		rest = rest.Add(part)
	}
	shares := make([]money.Money, len(parts))
	for i, part := range parts {
		due, rest = due.Add(part), rest.Sub(part)
		shares[i] = l.Share(due, taken, rest)
		taken = taken.Add(shares[i])
	}
	return shares
}

func TestSharesAddUpAndKeepTheLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := money.Limits{
			Step:       decimal.New(rapid.Int64Range(1, 50).Draw(t, "step"), -3),
			CaptureMin: decimal.New(rapid.Int64Range(0, 300).Draw(t, "least"), -3),
		}
		var parts []money.Money
		total := money.Zero("KWD")
		for _, n := range rapid.SliceOfN(rapid.Int64Range(1, 2_000), 1, 8).Draw(t, "parts") {
			parts = append(parts, money.FromMinorUnits(n, "KWD"))
			total = total.Add(parts[len(parts)-1])
		}
		sum := money.Zero("KWD")
		for _, share := range captured(limits, parts) {
			sum = sum.Add(share)
			require.True(t, limits.InStep(share), share)
			require.True(t, share.IsZero() || limits.Captures(share), "%s of %s", share, total)
		}
		lost := total.Sub(sum)
		require.False(t, lost.Amount.IsNegative())
		require.True(t, lost.Amount.Cmp(limits.Step) < 0 || total.Amount.Cmp(limits.CaptureMin.Add(limits.Step)) < 0, "%s of %s is lost", lost, total)
		require.True(t, limits.InStep(limits.Ceil(total)))
		require.Negative(t, limits.Ceil(total).Sub(total).Amount.Cmp(limits.Step))
	})
}

func TestARefundPaysWhatItCanAndTheRestWaits(t *testing.T) {
	t.Parallel()
	limits := money.Limits{
		Step: decimal.RequireFromString("0.010"), RefundMin: decimal.RequireFromString("0.100"), Max: decimal.RequireFromString("50.005"),
	}
	for owed, expected := range map[string][2]string{
		"17.605": {"17.600", "0.005"}, "17.600": {"17.600", "0.000"}, "0.095": {"0.000", "0.095"}, "0.100": {"0.100", "0.000"}, "60.000": {"50.000", "10.000"},
	} {
		t.Run(owed, func(t *testing.T) {
			t.Parallel()
			now, later := limits.Refundable(money.Must(owed, "KWD"))
			require.Equal(t, expected, [2]string{now.Text(), later.Text()})
		})
	}
}

func TestWhatCanBeAuthorised(t *testing.T) {
	t.Parallel()
	limits := money.Limits{
		Step: decimal.RequireFromString("0.010"), AuthorizeMin: decimal.RequireFromString("0.150"), Max: decimal.RequireFromString("999.990"),
	}
	for amount, can := range map[string]bool{"0.150": true, "0.140": false, "0.155": false, "0.000": false, "999.990": true, "1000.000": false} {
		t.Run(amount, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, can, limits.Authorizes(money.Must(amount, "KWD")))
		})
	}
	require.True(t, money.Limits{}.Authorizes(money.Must("0.001", "KWD")))
	require.True(t, money.Limits{}.IsZero())
	require.False(t, limits.IsZero())
}
