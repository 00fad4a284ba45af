package stripe

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAmountsAreStripes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount, currency string
		want             int64
	}{
		{"19.90", "EUR", 1990},
		{"0.01", "USD", 1},
		{"1990", "JPY", 1990},
		{"500", "ISK", 50000},
		{"500", "UGX", 50000},
		{"700.00", "MGA", 700},
		{"10.010", "KWD", 10010},
		{"1.230", "BHD", 1230},
	} {
		t.Run(c.amount+" "+c.currency, func(t *testing.T) {
			t.Parallel()
			n, currency, err := toStripe(money.Must(c.amount, c.currency))
			require.NoError(t, err)
			require.Equal(t, c.want, n)
			require.Equal(t, money.Must(c.amount, c.currency).String(), fromStripe(n, currency).String())
		})
	}
}

func TestAmountsThatStripeCannotTakeAreRefused(t *testing.T) {
	t.Parallel()
	for _, m := range []money.Money{
		money.Must("10.005", "KWD"), money.Must("1.239", "TND"), money.Must("700.20", "MGA"), money.Must("1.000", "IQD"), money.Must("1.0000", "CLF"),
		money.Must("-1.00", "EUR"), money.Zero("EUR"),
		{},
		money.FromMinorUnits(1, "XXX"),
	} {
		t.Run(m.Amount.String()+" "+m.Currency, func(t *testing.T) {
			t.Parallel()
			_, _, err := toStripe(m)
			require.ErrorIs(t, err, domain.Refuse("amount_not_chargeable", ""))
		})
	}
	_, _, err := toStripe(money.Must("10.005", "KWD"))
	require.ErrorContains(t, err, "Stripe takes KWD in steps of 0.010, got 10.005 KWD")
}

func TestAmountsThatNoRequestMayAskForAreCountedAllTheSame(t *testing.T) {
	t.Parallel()
	for n, m := range map[int64]money.Money{
		0: money.Zero("KWD"), 289: money.Must("0.289", "KWD"), 1239: money.Must("1.239", "TND"), 700: money.Must("700.00", "MGA"),
		-5: money.Must("-0.05", "EUR"), 50000: money.Must("500", "ISK"),
	} {
		require.Equal(t, n, minor(m), m)
		require.Equal(t, m.String(), fromStripe(n, m.Currency).String())
	}
	require.Zero(t, minor(money.Money{}))
}

func TestAmountsComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"EUR", "USD", "JPY", "ISK", "UGX", "MGA", "KWD", "BHD", "JOD", "OMR", "TND", "KRW", "HUF"}).Draw(t, "currency")
		m := money.FromMinorUnits(rapid.Int64Range(1, 99_999_999).Draw(t, "minor units"), currency)
		n, c, err := toStripe(m)
		if err != nil {
			return
		}
		if got := fromStripe(n, c); got.String() != m.String() {
			t.Fatalf("%s went as %d and came back as %s", m, n, got)
		}
	})
}
