package pricing_test

import (
	"slices"
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Shares of any cut of a line's pieces are consistent in themselves, and add up to the line in every part.
func TestSharesAddUpHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o, priced := pricedOrder(t)
		for i, line := range priced.Lines {
			n := int64(o.Lines[i].Quantity)
			requireSharesAddUp(t, line, n, cuts(t, n), true)
		}
		for _, s := range priced.Shipping { // by value: a measure that no price follows from
			n := rapid.Int64Range(0, 50_000).Draw(t, "value")
			requireSharesAddUp(t, s, n, cuts(t, n), false)
		}
	})
}

func cuts(t *rapid.T, n int64) []int64 {
	all := rapid.SliceOfN(rapid.Int64Range(0, n), 0, 6).Draw(t, "cuts")
	all = append(all, 0, n)
	slices.Sort(all)
	return all
}

func requireSharesAddUp(t *rapid.T, b pricing.Breakdown, n int64, cuts []int64, pieces bool) {
	if n == 0 {
		require.Equal(t, b, b.Share(0, 0, 1))
		return
	}
	left := b
	for i := range cuts[1:] {
		before, after := cuts[i], cuts[i+1]
		share := b.Share(n, before, after)
		require.True(t, share.Consistent(), "%d to %d of %d: %+v of %+v", before, after, n, share, b)
		if pieces {
			require.Equal(t, b.Gross.MinorUnits()/n*(after-before), share.Gross.MinorUnits(), "each piece has its price")
		}
		require.Equal(t, rounded(b.Payable, after, n)-rounded(b.Payable, before, n), share.Payable.MinorUnits(), "the cumulative difference")
		left = left.Sub(share)
	}
	requireNothing(t, left)
}

func rounded(m money.Money, k, n int64) int64 {
	return decimal.NewFromInt(m.MinorUnits()).Mul(decimal.NewFromInt(k)).Div(decimal.NewFromInt(n)).Round(0).IntPart()
}

func requireNothing(t *rapid.T, b pricing.Breakdown) {
	require.True(t, b.Gross.IsZero() && b.Payable.IsZero(), "%+v", b)
	for _, d := range b.Discounts {
		require.True(t, d.Amount.IsZero(), "%+v", b)
	}
	for _, tax := range b.Taxes {
		require.True(t, tax.Amount.IsZero(), "%+v", b)
	}
}

// Parts of any amounts, taken one after the other, add up to all in every part, and none is below zero.
func TestPartsOfAnyAmountsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		_, priced := pricedOrder(t)
		left := priced.Lines[0]
		for left.Payable.IsPositive() {
			amount := money.FromMinorUnits(rapid.Int64Range(0, left.Payable.MinorUnits()).Draw(t, "amount"), left.Payable.Currency)
			if rapid.IntRange(0, 3).Draw(t, "all") == 0 {
				amount = left.Payable
			}
			part := left.Part(amount)
			require.True(t, part.Consistent(), "%+v of %+v", part, left)
			require.Zero(t, part.Payable.Cmp(amount))
			left = left.Sub(part)
			require.True(t, left.Consistent(), "%+v", left)
		}
		requireNothing(t, left.Sub(left.Part(left.Payable)))
	})
}

// Small lines are tried out in full: every price, number of pieces, discount, included tax and tax on top.
func TestSharesOfEverySmallLine(t *testing.T) {
	t.Parallel()
	yen := func(n int64) money.Money { return money.FromMinorUnits(n, "JPY") }
	for price := range int64(5) {
		for n := int64(1); n <= 5; n++ {
			for discount := range price*n + 1 {
				net := price*n - discount
				for included := int64(0); included <= net; included++ {
					for onTop := range int64(7) {
						b := pricing.Breakdown{
							Gross: yen(price * n), Payable: yen(net + onTop),
							Discounts: []pricing.Allocation{{Amount: yen(discount / 2)}, {Discount: 1, Amount: yen(discount - discount/2)}},
							Taxes: []pricing.Tax{
								{Name: "a", Included: true, Amount: yen(included)}, {Name: "b", Amount: yen(onTop / 3)}, {Name: "c", Amount: yen(onTop - onTop/3)},
							},
						}
						sum := b.Share(n, 0, 0)
						for k := range n {
							share := b.Share(n, k, k+1)
							if !share.Consistent() || share.Gross.MinorUnits() != price {
								t.Fatalf("piece %d of %d of %+v is %+v", k+1, n, b, share)
							}
							sum = sum.Add(share)
						}
						if !slices.Equal(amounts(sum), amounts(b)) {
							t.Fatalf("%+v adds up to %+v", b, sum)
						}
					}
				}
			}
		}
	}
}

func amounts(b pricing.Breakdown) []int64 {
	all := []int64{b.Gross.MinorUnits(), b.Payable.MinorUnits()}
	for _, d := range b.Discounts {
		all = append(all, d.Amount.MinorUnits())
	}
	for _, tax := range b.Taxes {
		all = append(all, tax.Amount.MinorUnits())
	}
	return all
}

// The largest amounts there are can be shared out.
func TestSharesOfTheLargestAmounts(t *testing.T) {
	t.Parallel()
	most := money.Must("99999999999999.9999", "CLF")
	b := pricing.Plain(most)
	sum := money.Zero("CLF")
	for k := int64(0); k < pricing.QuantityMax; k += 9_999 {
		sum = sum.Add(b.Share(pricing.QuantityMax, k, min(k+9_999, pricing.QuantityMax)).Payable)
	}
	require.Zero(t, sum.Cmp(most))
	require.Zero(t, b.Share(most.MinorUnits(), 0, most.MinorUnits()).Payable.Cmp(most))
}

func TestPiecesThatThereAreNotPanic(t *testing.T) {
	t.Parallel()
	b := pricing.Plain(money.Must("1.00", "EUR"))
	for _, share := range [][3]int64{{3, -1, 1}, {3, 2, 1}, {3, 0, 4}} {
		require.Panics(t, func() { b.Share(share[0], share[1], share[2]) })
	}
	require.Panics(t, func() { b.Part(money.Must("1.01", "EUR")) })
	require.Panics(t, func() { b.Part(money.Must("-0.01", "EUR")) })
}
