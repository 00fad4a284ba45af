package order

import (
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/stretchr/testify/require"
)

// A tax whose amount the shop has given is taken in proportion to the pieces, however large it is.
// Fails with whole numbers of 64 bits.
func TestMorePiecesTakeTheirPartOfAGivenTax(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"0.05": "0.03", "90000000000000.00": "45000000000000.00"} {
		line := Item{UnitPrice: money.Must("1.00", "EUR"), Quantity: 2, Money: &pricing.Breakdown{
			Gross: money.Must("2.00", "EUR"), Payable: money.Must("2.00", "EUR").Add(money.Must(given, "EUR")),
			Taxes: []pricing.Tax{{Name: "fee", Amount: money.Must(given, "EUR")}},
		}}
		require.Equal(t, want, line.more(pricing.Rounding{}, 1).Money.Taxes[0].Amount.Text())
	}
	many := Item{UnitPrice: money.Must("0.01", "EUR"), Quantity: 90_000, Money: &pricing.Breakdown{
		Gross: money.Must("900.00", "EUR"), Payable: money.Must("90000000000900.00", "EUR"),
		Taxes: []pricing.Tax{{Name: "fee", Amount: money.Must("90000000000000.00", "EUR")}},
	}}
	require.Equal(t, "90000000000000.00", many.more(pricing.Rounding{}, 90_000).Money.Taxes[0].Amount.Text())
}
